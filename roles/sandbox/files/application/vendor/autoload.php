<?php

// Stands in for Composer's autoloader: Laravel itself is Debian's php-laravel-framework, on PHP's
// include_path.

require_once 'Illuminate/autoload.php';
require_once 'Dotenv/autoload.php';

spl_autoload_register(static function (string $class): void {
    $folders = ['App\\' => 'app/', 'Database\\Seeders\\' => 'database/seeders/'];

    foreach ($folders as $prefix => $folder) {
        if (str_starts_with($class, $prefix)) {
            $relative = str_replace('\\', '/', substr($class, strlen($prefix)));
            $file = dirname(__DIR__).'/'.$folder.$relative.'.php';

            if (is_file($file)) {
                require $file;
            }

            return;
        }
    }
});
