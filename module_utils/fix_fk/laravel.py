# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that knows how to ask a Laravel application, and how to run its artisan.

    facts = application(module, path, php, env, connection_name)   # one PHP start, remembered
    facts = probe(module, path, php, env, connection_name, statements="pending", ...)
    result = run_artisan(module, path, php, env, ["migrate", "--force"])

The questions are put to the application's own classes by a PHP program that is fed to `php` on
standard input (nothing is written to the target) and answers in JSON lines on a descriptor of its
own, so nothing that the application prints can spoil an answer and whatever was answered before
PHP died is kept.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import itertools
import json
import os
import re
import signal
import subprocess
import tempfile
import time
import weakref

from ansible.module_utils.fix_fk.secrets import hider

# Seconds.
PROBE_TIMEOUT = 120
MIGRATION_TIMEOUT = 15
ARTISAN_TIMEOUT = 3600

# How often PHP is started again after a migration ended it.
MAX_STARTS = 12

# Characters of a program's output that a message may carry.
EXCERPT = 600

LOG_TAIL = 2 * 1024 * 1024
LOG_FILES = 5

MARKER = "framework/down_by_fix_fk.json"

# The batch of a migration that is recorded only to be rolled back. Laravel's own batches count up
# from 1, so that a record which an interrupted run left behind says itself what it is.
ROLLBACK_BATCH = 2000000000

ROW_STATEMENTS = ("insert", "update", "delete", "replace", "select")

PROBE = r"""<?php
// Puts questions to the Laravel application in the current folder. Written for PHP 7.3 and later.
final class FixFkProbe
{
    private $request;
    private $out;
    private $app;
    private $default;
    private $logging = [];
    private $current;
    private $recorded;
    private $loaded = [];

    public function __construct(array $request)
    {
        $this->request = $request;
        $this->out = fopen('php://fd/'.$request['descriptor'], 'w');
        $this->default = $request['connection'];
    }

    public function run()
    {
        // Registered before the application's own: what ends PHP is told, and not logged by it.
        register_shutdown_function(function () {
            $error = error_get_last();
            $fatal = $error && ($error['type'] & (E_ERROR | E_PARSE | E_CORE_ERROR | E_COMPILE_ERROR
                | E_USER_ERROR | E_RECOVERABLE_ERROR));
            $this->tell('ended', [
                'error' => $fatal ? $error['message'] : null,
                'queries' => $this->current ? $this->queries($this->current) : [],
            ]);
            exit;
        });
        if (PHP_SAPI !== 'cli') {
            return $this->tell('refused', 'is the '.PHP_SAPI.' and not the command line PHP');
        }
        foreach (['STDIN' => ['php://stdin', 'r'], 'STDOUT' => ['php://stdout', 'w'],
            'STDERR' => ['php://stderr', 'w']] as $name => list($path, $mode)) {
            defined($name) || define($name, fopen($path, $mode));
        }
        $_SERVER['argv'] = ['artisan', 'list'];
        $_SERVER['argc'] = 2;
        foreach (['SCRIPT_NAME', 'SCRIPT_FILENAME', 'PHP_SELF'] as $name) {
            $_SERVER[$name] = 'artisan';
        }
        ob_start(function () {
            return '';
        }, 4096);
        if (! $this->boot()) {
            return;
        }
        foreach (['application', 'database', 'checklist', 'models', 'statements'] as $section) {
            if ($section === 'application' || ! empty($this->request[$section])) {
                $this->{$section}();
            }
        }
        $this->tell('done', true);
    }

    private function tell($key, $value)
    {
        $flags = JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE
            | JSON_PARTIAL_OUTPUT_ON_ERROR;
        fwrite($this->out, json_encode([$key => $value], $flags)."\n");
    }

    private function attempt(callable $question, $otherwise = null)
    {
        try {
            return $question();
        } catch (Throwable $e) {
            return $otherwise;
        }
    }

    private function boot()
    {
        define('LARAVEL_START', microtime(true));
        require_once getcwd().'/vendor/autoload.php';
        $this->app = $app = require getcwd().'/bootstrap/app.php';
        $app->afterBootstrapping('Illuminate\Foundation\Bootstrap\LoadConfiguration', function () {
            $this->silence();
        });
        try {
            $app->make('Illuminate\Contracts\Console\Kernel')->bootstrap();
        } catch (Throwable $e) {
            $this->tell('boot_error', get_class($e).': '.$e->getMessage());
            // A provider that asks an unreachable database is no reason to know nothing.
            if (! $app->bound('db')) {
                return false;
            }
        }
        $this->default = $this->default ?: $app['config']['database.default'];
        $app['db']->setDefaultConnection($this->default);
        return true;
    }

    /** Send what the application would log while it is questioned to nowhere. */
    private function silence()
    {
        $config = $this->app['config'];
        $this->logging = $config->get('logging', []);
        foreach (array_keys($this->logging['channels'] ?? []) as $name) {
            $config->set("logging.channels.$name", [
                'driver' => 'monolog', 'handler' => 'Monolog\Handler\NullHandler',
            ]);
        }
    }

    private function application()
    {
        $app = $this->app;
        $config = $app['config'];
        $table = $config['database.migrations'];
        $this->tell('application', [
            'version' => $app->version(),
            'environment' => $app->environment(),
            'php' => ['binary' => PHP_BINARY, 'version' => PHP_VERSION],
            'default' => $config['database.default'],
            'connection' => $this->connection(),
            'ways' => $this->attempt(function () {
                return $this->ways();
            }, []),
            'migrations_table' => is_array($table) ? $table['table'] : ($table ?: 'migrations'),
            'files' => $this->files(),
            'schema_dump' => $this->schemaDump(),
            'destructive_commands_prohibited' => $this->prohibited(),
            'seeder' => $this->seeder(),
            'cached' => $app->configurationIsCached(),
            'storage' => $app->storagePath(),
            'maintenance' => $this->maintenance(),
            'logs' => $this->attempt(function () {
                return $this->logs();
            }, []),
        ]);
    }

    private function connection()
    {
        $name = $this->default;
        try {
            $config = $this->app['db']->connection($name)->getConfig();
        } catch (Throwable $e) {
            return ['name' => $name, 'error' => $e->getMessage()];
        }
        // Laravel shuffles several hosts and takes the first that answers.
        $host = $config['host'] ?? null;
        return [
            'name' => $name,
            'driver' => $config['driver'],
            'host' => is_array($host) ? reset($host) : $host,
            'port' => isset($config['port']) ? (int) $config['port'] : null,
            'socket' => ($config['unix_socket'] ?? '') ?: null,
            'database' => $config['database'] ?? null,
            'username' => $config['username'] ?? null,
            'password' => $config['password'] ?? null,
            'prefix' => $config['prefix'] ?? '',
            'charset' => $config['charset'] ?? null,
            'collation' => $config['collation'] ?? null,
            'tls' => $this->tls($config['options'] ?? []),
        ];
    }

    /** Every place that the connection may come to use: with each host, to read and to write. */
    private function ways()
    {
        $config = $this->app['db']->connection($this->default)->getConfig();
        $configured = $this->app['config']["database.connections.{$this->default}"] ?? [];
        $both = empty($configured['url']) ? $configured : $config;
        $ways = [$config];
        foreach (['read', 'write'] as $side) {
            $given = $configured[$side] ?? [];
            foreach (isset($given[0]) ? $given : [$given] as $one) {
                $ways[] = array_merge($both, $one);
            }
        }
        $places = [];
        foreach ($ways as $way) {
            foreach ((array) ($way['host'] ?? '') as $host) {
                $places[] = [
                    'host' => $host ?: null,
                    'port' => isset($way['port']) ? (int) $way['port'] : null,
                    'socket' => ($way['unix_socket'] ?? '') ?: null,
                    'database' => $way['database'] ?? null,
                    'username' => $way['username'] ?? null,
                    'password' => $way['password'] ?? null,
                ];
            }
        }
        return array_values(array_unique($places, SORT_REGULAR));
    }

    private function tls(array $options)
    {
        $class = PHP_VERSION_ID >= 80400 ? 'Pdo\Mysql::ATTR_' : 'PDO::MYSQL_ATTR_';
        $tls = [];
        foreach (['ca' => 'SSL_CA', 'cert' => 'SSL_CERT', 'key' => 'SSL_KEY',
            'verify' => 'SSL_VERIFY_SERVER_CERT'] as $name => $constant) {
            $key = defined($class.$constant) ? constant($class.$constant) : '';
            $value = $options[$key] ?? null;
            $tls[$name] = $name === 'verify' && $value !== null ? (bool) $value : $value;
        }
        return array_filter($tls, function ($value) {
            return $value !== null && $value !== '';
        }) ? $tls : null;
    }

    private function files()
    {
        try {
            $migrator = $this->app['migrator'];
            $paths = array_merge($migrator->paths(), [$this->app->databasePath().'/migrations']);
            return (object) $migrator->getMigrationFiles($paths);
        } catch (Throwable $e) {
            return (object) [];
        }
    }

    /** The file that `migrate` loads while no migration is recorded, or null. */
    private function schemaDump()
    {
        return $this->attempt(function () {
            foreach (['dump', 'sql'] as $kind) {
                $file = $this->app->databasePath("schema/{$this->default}-schema.$kind");
                if (is_file($file)) {
                    return $file;
                }
            }
        });
    }

    /** Whether DB::prohibitDestructiveCommands(), of Laravel 11.9 and later, was called. */
    private function prohibited()
    {
        return $this->attempt(function () {
            $command = 'Illuminate\Database\Console\Migrations\FreshCommand';
            $known = property_exists($command, 'prohibitedFromRunning');
            $property = $known ? new ReflectionProperty($command, 'prohibitedFromRunning') : null;
            $known && PHP_VERSION_ID < 80100 && $property->setAccessible(true);
            return $known && $property->getValue();
        }, false);
    }

    /** The class that db:seed runs, or null. */
    private function seeder()
    {
        foreach (['Database\Seeders\DatabaseSeeder', 'DatabaseSeeder'] as $class) {
            if ($this->attempt(function () use ($class) {
                return class_exists($class);
            }, false)) {
                return $class;
            }
        }
        return null;
    }

    private function maintenance()
    {
        $file = $this->app->storagePath().'/framework/down';
        if (method_exists($this->app, 'maintenanceMode')
            && ! $this->attempt(function () {
                $mode = $this->app->maintenanceMode();
                return $mode instanceof Illuminate\Foundation\FileBasedMaintenanceMode;
            }, false)) {
            $file = null;
        }
        try {
            return ['file' => $file, 'down' => $this->app->isDownForMaintenance(), 'error' => null];
        } catch (Throwable $e) {
            return ['file' => $file, 'down' => null, 'error' => $e->getMessage()];
        }
    }

    /** The log files of the default channel and of the folder they usually are in. */
    private function logs()
    {
        $found = glob($this->app->storagePath().'/logs/*.log') ?: [];
        $ask = [$this->logging['default'] ?? 'stack'];
        $seen = [];
        while (($name = array_shift($ask)) !== null) {
            $channel = $this->logging['channels'][$name] ?? null;
            if (! $channel || isset($seen[$name])) {
                continue;
            }
            $seen[$name] = true;
            $ask = array_merge($ask, (array) ($channel['channels'] ?? []));
            if (isset($channel['path'])) {
                $part = pathinfo($channel['path']);
                $dated = $part['dirname'].'/'.$part['filename'].'-*.'.($part['extension'] ?? 'log');
                $found = array_merge($found, [$channel['path']], glob($dated) ?: []);
            }
        }
        return array_values(array_unique(array_filter($found, 'is_file')));
    }

    private function database()
    {
        $config = $this->app['config']['database.migrations'];
        $table = is_array($config) ? $config['table'] : ($config ?: 'migrations');
        try {
            $connection = $this->app['db']->connection($this->default);
            $connection->getPdo();
            $exists = $connection->getSchemaBuilder()->hasTable($table);
            $rows = ! $exists ? [] : $connection->table($table)->useWritePdo()
                ->orderBy('batch')->orderBy('migration')->get(['migration', 'batch'])->all();
            $rows = array_map(function ($row) {
                $row = (array) $row;
                return ['name' => $row['migration'], 'batch' => (int) $row['batch']];
            }, $rows);
            $this->recorded = array_column(array_filter($rows, function ($row) {
                return $row['batch'] !== $this->request['rollback_batch'];
            }), 'name');
            $this->tell('database', ['error' => null, 'exists' => $exists, 'recorded' => $rows]);
        } catch (Throwable $e) {
            for ($cause = $e; $cause && ! $cause instanceof PDOException;) {
                $cause = $cause->getPrevious();
            }
            $code = $cause ? ($cause->errorInfo[1] ?? $cause->getCode()) : 0;
            $this->tell('database', ['exists' => null, 'recorded' => null,
                'error' => ['code' => (int) $code, 'message' => ($cause ?: $e)->getMessage()]]);
        }
    }

    private function checklist()
    {
        $kernel = $this->app->make('Illuminate\Contracts\Console\Kernel');
        $about = $this->attempt(function () use ($kernel) {
            if (! array_key_exists('about', $kernel->all())) {
                return null;
            }
            $kernel->call('about', ['--json' => true]);
            return json_decode($kernel->output(), true);
        });
        $routes = [];
        $this->attempt(function () use (&$routes) {
            foreach ($this->app['router']->getRoutes() as $route) {
                $routes[] = ['methods' => array_values($route->methods()), 'uri' => $route->uri(),
                    'name' => $route->getName()];
            }
        });
        $status = $this->attempt(function () use ($kernel) {
            return $kernel->call('migrate:status', ['--database' => $this->default]) === 0;
        }, false);
        $this->tell('checklist', ['about' => $about, 'routes' => $routes,
            'migration_status_ok' => $status]);
    }

    /** Tables that the application's own classes name: $table = '...' and table('...'). */
    private function models()
    {
        $found = [];
        $this->attempt(function () use (&$found) {
            $folder = $this->app->path();
            $files = new RecursiveIteratorIterator(new RecursiveDirectoryIterator(
                $folder,
                FilesystemIterator::SKIP_DOTS
            ));
            foreach ($files as $file) {
                $path = $file->getPathname();
                if ($file->getExtension() !== 'php'
                    || stripos(file_get_contents($path), 'table') === false) {
                    continue;
                }
                $tokens = array_values(array_filter($this->tokens($path), function ($token) {
                    return ! is_array($token) || $token[0] !== T_WHITESPACE;
                }));
                foreach ($tokens as $at => $token) {
                    $next = $tokens[$at + 1] ?? null;
                    $text = $tokens[$at + 2] ?? null;
                    $named = is_array($token) && (
                        ($token[0] === T_VARIABLE && $token[1] === '$table' && $next === '=')
                        || ($token[0] === T_STRING && $token[1] === 'table' && $next === '(')
                    );
                    if ($named && is_array($text) && $text[0] === T_CONSTANT_ENCAPSED_STRING) {
                        $name = stripslashes(substr($text[1], 1, -1));
                        $found[$name] = $found[$name] ?? 'app'.substr($path, strlen($folder));
                    }
                }
            }
        });
        $this->tell('models', (object) $found);
    }

    private function statements()
    {
        $this->protect();
        $wanted = $this->request['statements'];
        $files = (array) $this->files();
        if ($wanted === 'pending') {
            $wanted = $this->recorded === null ? [] : array_diff(
                array_map('strval', array_keys($files)),
                $this->recorded
            );
        }
        foreach ($files as $name => $path) {
            $name = (string) $name;
            if ($wanted !== 'all' && ! in_array($name, $wanted, true)) {
                continue;
            }
            foreach (['up', 'down'] as $direction) {
                if (! in_array($name.':'.$direction, $this->request['skip'], true)) {
                    $this->tell('begin', [$name, $direction]);
                    $this->tell('statements', [
                        $name, $direction, $this->pretend($name, $path, $direction),
                    ]);
                }
            }
        }
    }

    /** A migration that reaches past the pretence finds sessions that cannot write. */
    private function protect()
    {
        foreach (['mysql' => 'MySql', 'mariadb' => 'MariaDb'] as $driver => $vendor) {
            $key = "db.connector.$driver";
            $class = "Illuminate\\Database\\Connectors\\{$vendor}Connector";
            if ($this->app->bound($key)) {
                $connector = $this->app->make($key);
            } elseif (class_exists($class)) {
                $connector = new $class;
            } else {
                continue;
            }
            $this->app->bind($key, function () use ($connector) {
                return new class($connector) implements
                    Illuminate\Database\Connectors\ConnectorInterface
                {
                    private $connector;

                    public function __construct($connector)
                    {
                        $this->connector = $connector;
                    }

                    public function connect(array $config)
                    {
                        $pdo = $this->connector->connect($config);
                        $pdo->exec('SET SESSION TRANSACTION READ ONLY');
                        return $pdo;
                    }
                };
            });
        }
        foreach (array_keys($this->app['db']->getConnections()) as $name) {
            $this->app['db']->purge($name);
        }
        // Nor should a migration send mail or start jobs because it was asked what it would do.
        $this->app['config']->set(['mail.default' => 'array', 'queue.default' => 'null']);
        if (function_exists('pcntl_async_signals')) {
            pcntl_async_signals(true);
            pcntl_signal(SIGALRM, function () {
                pcntl_alarm(1);
                throw new RuntimeException('it did not end within '.$this->request['seconds'].' s');
            });
        }
    }

    private function pretend($name, $path, $direction)
    {
        $answer = ['exists' => null, 'queries' => [], 'error' => null, 'conditional' => [],
            'strings' => [], 'elsewhere' => [], 'connection' => null, 'drops' => [],
            'renames' => []];
        $levels = ob_get_level();
        $this->limit($this->request['seconds']);
        try {
            $answer['strings'] = $this->strings($path);
            $migration = $this->load($name, $path);
            $answer['exists'] = method_exists($migration, $direction);
            $answer['conditional'] = $this->conditions($migration, $direction);
            list($answer['drops'], $answer['renames']) = $this->hidden($path, $direction);
            if ($answer['exists']) {
                $own = [$migration, 'getConnection'];
                $own = is_callable($own) ? $own() : null;
                $answer['connection'] = $own === $this->default ? null : $own;
                $connection = $this->app['db']->connection($own ?: $this->default);
                $this->current = $connection;
                $this->app['db']->setDefaultConnection($connection->getName());
                $connection->pretend(function () use ($migration, $direction) {
                    $migration->{$direction}();
                });
            }
        } catch (Throwable $e) {
            $answer['error'] = $e->getMessage() ?: get_class($e);
        }
        $this->limit(0);
        while (ob_get_level() > $levels) {
            ob_end_clean();
        }
        if ($this->current) {
            $answer['queries'] = $this->queries($this->current);
            $used = array_keys($this->app['db']->getConnections());
            $answer['elsewhere'] = array_values(array_diff($used, [$this->default]));
            array_map([$this->app['db'], 'purge'], $answer['elsewhere']);
            // Laravel 8 goes on pretending after an exception.
            $this->app['db']->purge($this->current->getName());
            $this->current = null;
        }
        $this->app['db']->setDefaultConnection($this->default);
        return $answer;
    }

    private function queries($connection)
    {
        return array_column($connection->getQueryLog(), 'query');
    }

    private function limit($seconds)
    {
        if (function_exists('pcntl_alarm')) {
            pcntl_alarm($seconds);
        }
        // Counts processor time only, but needs no extension.
        set_time_limit($seconds ? $seconds + 5 : 0);
    }

    /** A migration's file is required once: it may declare classes and functions. */
    private function load($name, $path)
    {
        if (! isset($this->loaded[$path])) {
            $this->loaded[$path] = $this->read($name, $path);
        }
        return clone $this->loaded[$path];
    }

    private function read($name, $path)
    {
        $class = Illuminate\Support\Str::studly(implode('_', array_slice(explode('_', $name), 4)));
        $known = function () use ($class, $path) {
            return $class !== '' && class_exists($class)
                && (new ReflectionClass($class))->getFileName() === realpath($path);
        };
        if (! $known()) {
            $migration = (static function () use ($path) {
                return require $path;
            })();
            if (is_object($migration)) {
                return $migration;
            }
        }
        return new $class;
    }

    /** Why what a method sends may depend on more than its source. */
    private function conditions($migration, $direction)
    {
        $reasons = [];
        $class = new ReflectionObject($migration);
        foreach ($class->getMethods() as $method) {
            $name = $method->getName();
            $declared = $method->getDeclaringClass()->getName();
            if ($declared === 'Illuminate\Database\Migrations\Migration' || ! $method->getFileName()
                || (in_array($name, ['up', 'down'], true) && $name !== $direction)) {
                continue;
            }
            if ($name === 'shouldRun' && $direction === 'up') {
                $reasons[] = 'shouldRun() decides whether it runs';
            }
            foreach ($this->control($method) as $line => $what) {
                $reasons[] = "$name(), line $line: ".implode(', ', array_keys($what));
            }
        }
        return $reasons;
    }

    private function control(ReflectionMethod $method)
    {
        static $telling = ['T_IF', 'T_ELSEIF', 'T_SWITCH', 'T_MATCH', 'T_FOR', 'T_FOREACH',
            'T_WHILE', 'T_DO', 'T_GOTO', 'T_TRY', 'T_BOOLEAN_AND', 'T_BOOLEAN_OR',
            'T_LOGICAL_AND', 'T_LOGICAL_OR', 'T_LOGICAL_XOR', 'T_COALESCE', 'T_COALESCE_EQUAL',
            'T_NULLSAFE_OBJECT_OPERATOR'];
        static $typed = ['(', ',', ':', 'T_PUBLIC', 'T_PROTECTED', 'T_PRIVATE', 'T_STATIC',
            'T_READONLY', 'T_VAR'];
        $found = [];
        $line = 1;
        $before = null;
        foreach ($this->tokens($method->getFileName()) as $token) {
            list($id, $text) = is_array($token) ? $token : [null, $token];
            $line = is_array($token) ? $token[2] : $line;
            $kind = $id === null ? $text : token_name($id);
            if (in_array($kind, ['T_WHITESPACE', 'T_COMMENT', 'T_DOC_COMMENT'], true)) {
                $line += substr_count($text, "\n");
                continue;
            }
            if ($line > $method->getEndLine()) {
                break;
            }
            $what = null;
            if (in_array($kind, $telling, true)) {
                $what = $text;
            } elseif ($kind === '?' && ! in_array($before, $typed, true)) {
                // After those a question mark makes a type nullable.
                $what = '?:';
            } elseif ($kind === 'T_STRING' && preg_match('/^(when|unless)/i', $text)
                && in_array($before, ['T_OBJECT_OPERATOR', 'T_DOUBLE_COLON'], true)) {
                $what = $text.'()';
            }
            if ($what !== null && $line >= $method->getStartLine()) {
                $found[$line][$what] = true;
            }
            $line += substr_count($text, "\n");
            $before = $kind;
        }
        return $found;
    }

    /**
     * What the source does outside the other direction's method, whether it is sent or not: what it
     * drops or empties (tables by name, '' for one that is not written out there, and statements as
     * they are written, as the rest of one may be known only when it runs), and [old, new] of each
     * table that it renames.
     */
    private function hidden($path, $direction)
    {
        $tokens = array_values(array_filter($this->tokens($path), function ($token) {
            return ! is_array($token)
                || ! in_array($token[0], [T_WHITESPACE, T_COMMENT, T_DOC_COMMENT], true);
        }));
        $text = function ($at) use ($tokens) {
            $token = $tokens[$at] ?? null;
            return is_array($token) ? $token[1] : $token;
        };
        $found = [];
        $renames = [];
        $method = null;
        $table = null;
        $some = false;
        foreach ($tokens as $at => $token) {
            if (in_array($token, [';', '{', '}'], true)) {
                list($table, $some) = [null, false];
            }
            $here = ! in_array($method, ['up', 'down'], true) || $method === $direction;
            if ($here && is_array($token) && in_array($token[0], [
                T_CONSTANT_ENCAPSED_STRING, T_ENCAPSED_AND_WHITESPACE], true)
                && preg_match(
                    '/\b(drop\s+table|truncate\s|delete\s+from|replace\s+into)/i',
                    $token[1]
                )) {
                $found[trim($token[1], "\"' \t\r\n")] = true;
            }
            $call = is_array($token) && $token[0] === T_STRING && $text($at + 1) === '(';
            if ($call && $text($at - 1) === 'function') {
                $method = strtolower($text($at));
                continue;
            }
            // A method of the migration itself is read where it stands.
            if (! $call || ! $here || $text($at - 2) === '$this') {
                continue;
            }
            $next = $tokens[$at + 2] ?? null;
            $whole = is_array($next) && $next[0] === T_CONSTANT_ENCAPSED_STRING
                && in_array($text($at + 3), [')', ','], true);
            $named = $whole
                ? stripslashes(substr($next[1], 1, -1)) : null;
            $called = strtolower($token[1]);
            if (in_array($called, ['table', 'query'], true)) {
                $table = (string) $named;
            } elseif (preg_match('/^(or)?where|^(find|first|limit|take)/', $called)) {
                $some = true;
            } elseif ($called === 'rename' && $whole && $text($at + 5) === ')'
                && is_array($tokens[$at + 4])
                && $tokens[$at + 4][0] === T_CONSTANT_ENCAPSED_STRING) {
                $renames[] = [$named, stripslashes(substr($text($at + 4), 1, -1))];
            } elseif (in_array($called, ['drop', 'dropifexists'], true)) {
                $found[(string) $named] = true;
            } elseif (in_array($called, ['dropalltables', 'dropdatabaseifexists'], true)
                || ($called === 'call' && preg_match(
                    '/^(db:wipe|migrate:(fresh|refresh|reset|rollback))/', (string) $named))) {
                $found[''] = true;
            } elseif ($called === 'truncate'
                || ($called === 'delete' && $table !== null && ! $some)) {
                $found[(string) $table] = true;
            }
        }
        return [array_map('strval', array_keys($found)), $renames];
    }

    private function strings($path)
    {
        $strings = [];
        foreach ($this->tokens($path) as $token) {
            if (is_array($token) && $token[0] === T_CONSTANT_ENCAPSED_STRING) {
                $strings[stripslashes(substr($token[1], 1, -1))] = true;
            } elseif (is_array($token) && $token[0] === T_ENCAPSED_AND_WHITESPACE) {
                $strings[$token[1]] = true;
            }
        }
        return array_map('strval', array_keys($strings));
    }

    private function tokens($path)
    {
        static $known = [];
        return $known[$path] ?? $known[$path] = token_get_all(file_get_contents($path));
    }
}
(new FixFkProbe(json_decode(base64_decode('@REQUEST@'), true)))->run();
"""


def resolve_connection(module, path, php, env, connection_name=None):
    """Return how the application itself would connect, without connecting.

    {name, driver, host, port (int or None), socket, database, username, password, prefix, charset,
    collation, tls: {ca, cert, key, verify} or None}; what is not configured is None. Of a read and
    write split it is the write side. Ends the module with a paragraph when the application cannot
    say.
    """
    return application(module, path, php, env, connection_name)["connection"]


# By module run, {what probe() was called with: facts}.
_known: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def application(module, path, php, env, connection_name=None):
    """Return probe()'s facts without any questions, asking PHP only once per module run."""
    known = _known.get(module, {})
    key = (path, php, json.dumps(env or {}, sort_keys=True), connection_name)
    return known.get(key) or probe(module, path, php, env, connection_name)


def probe(
    module, path, php, env, connection_name=None, timeout=PROBE_TIMEOUT, refuse=True, **questions
):
    """Start PHP, put questions to the application, and return the answers.

    questions: database=True, checklist=True, models=True, statements="all", "pending" (with
    database=True) or [migration names].
    Always answered: version, environment, php {binary, version}, default (connection name),
    connection (see resolve_connection), ways (every {host, port, socket, database, username,
    password} that the connection may come to use, to read or to write), migrations_table (without
    prefix), files {name: path}, schema_dump (path or None), destructive_commands_prohibited,
    seeder (class or None), cached, storage (path), maintenance {file: path or None, down: bool or
    None, error}, logs [paths], boot_error (str or None).
    Asked for: database {error, exists, recorded}, checklist,
    models {table without prefix: file that names it}, statements {(migration, "up" or "down"):
    {exists, queries, error, conditional, strings, elsewhere: [other connections it opened],
    connection: the one it names as its own or None, drops: [tables its source drops or empties],
    renames: [[old, new] of each table its source renames]}}.

    A migration that ends PHP is noted as failed and PHP started again for the rest. Ends the
    module with a paragraph when the application does not start or its connection cannot be
    resolved; with refuse=False such an answer is returned as {"refused": paragraph}.
    """
    names = questions.pop("statements", None)
    statements: dict = {}
    skip: list = []
    facts: dict = {}
    for _start in range(MAX_STARTS):
        answers = _ask(
            module,
            path,
            php,
            env,
            dict(questions, connection=connection_name, statements=names, skip=skip),
            timeout,
        )
        facts = facts or answers
        statements.update(answers["statements"])
        if answers["done"] or not answers["begun"]:
            break
        skip = [":".join(key) for key in statements]
        # What was asked beside the statements is known after the first start.
        questions = {}
        if names == "pending":
            names = split_migrations(facts["application"]["files"], facts["database"])["pending"]
    if facts["application"] and not answers["done"]:
        for name in facts["application"]["files"] if names == "all" else names or ():
            for direction in ("up", "down"):
                statements.setdefault(
                    (name, direction), _unread(direction, "migrations ended PHP too often", [])
                )
    paragraph = _refusal(path, facts)
    if paragraph and refuse:
        module.fail_json(msg=paragraph)
    if paragraph:
        return {"refused": paragraph}
    result = dict(
        facts["application"],
        boot_error=facts["boot_error"],
        database=facts["database"],
        checklist=facts["checklist"],
        models=facts["models"],
        statements=statements,
    )
    key = (path, php, json.dumps(env or {}, sort_keys=True), connection_name)
    _known.setdefault(module, {})[key] = result
    return result


def _ask(module, path, php, env, request, timeout):
    """Start PHP once and return its answers by key; what it did not come to is None."""
    answers: dict = dict.fromkeys(
        (
            "application",
            "database",
            "checklist",
            "models",
            "boot_error",
            "refused",
            "ended",
            "done",
            "begun",
        )
    )
    answers["statements"] = {}
    with tempfile.TemporaryFile() as answer:
        request = dict(
            request,
            descriptor=answer.fileno(),
            seconds=MIGRATION_TIMEOUT,
            rollback_batch=ROLLBACK_BATCH,
        )
        encoded = base64.b64encode(json.dumps(request).encode()).decode()
        result = run_php(
            module,
            path,
            php,
            env,
            # A trace would show the beginning of a password that is an argument.
            [
                *("-d", "display_errors=stderr", "-d", "log_errors=0"),
                *("-d", "zend.exception_ignore_args=1"),
            ],
            timeout,
            source=PROBE.replace("@REQUEST@", encoded),
            descriptors=(answer.fileno(),),
        )
        answer.seek(0)
        # A line that PHP could not finish says nothing.
        lines = answer.read().decode("utf-8", "replace").split("\n")[:-1]
    answers["result"] = result
    for line in lines:
        ((key, value),) = json.loads(line).items()
        if key == "begin":
            answers["begun"] = tuple(value)
        elif key == "statements":
            answers["statements"][tuple(value[:2])] = value[2]
        else:
            answers[key] = value
    begun = answers["begun"]
    if not answers["done"] and begun and begun not in answers["statements"]:
        ended = answers["ended"] or {}
        why = ended.get("error") or (
            f"it did not end within {timeout} s" if result["timed_out"] else "it ended PHP"
        )
        answers["statements"][begun] = _unread(begun[1], why, ended.get("queries") or [])
    _hide_secrets(answers, hider(module, path, env, *passwords(answers["application"])))
    return answers


def passwords(facts):
    """Return every password that the application uses, or may come to use, for its database."""
    places = [facts["connection"], *facts["ways"]] if facts else ()
    return {place["password"] for place in places if place.get("password")}


def _hide_secrets(answers, hide):
    """Take secrets out of what PHP, the application and the server said in words."""
    application, database = answers["application"] or {}, answers["database"] or {}
    holders = [
        (answers, "boot_error"),
        (answers["ended"] or {}, "error"),
        (answers["result"], "stdout"),
        (answers["result"], "stderr"),
        (application.get("connection") or {}, "error"),
        (application.get("maintenance") or {}, "error"),
        (database.get("error") or {}, "message"),
        *((answer, "error") for answer in answers["statements"].values()),
    ]
    for holder, name in holders:
        if holder.get(name):
            # PHP ends what it says of an exception that nobody caught with its trace.
            holder[name] = hide(str(holder[name]).partition("\nStack trace:")[0])


def _unread(direction, error, queries):
    """Return the answer about a migration that PHP did not get to the end of."""
    return {
        "exists": True,
        "queries": queries,
        "error": error,
        "conditional": [f"{direction}() was not read to its end"],
        "strings": [],
        "elsewhere": [],
        "connection": None,
        "drops": [],
        "renames": [],
    }


def _refusal(path, facts):
    """Return the paragraph on why the application could not be asked, or None."""
    result = facts["result"]
    if facts["refused"]:
        return (
            f"The PHP given as laravel_php {facts['refused']}. Nothing was changed. Give the path "
            "of the command line PHP that the application's artisan is run with."
        )
    if facts["application"] is None:
        why = facts["boot_error"] or (facts["ended"] or {}).get("error")
        if not why and result["timed_out"]:
            why = "it did not end in time"
        why = why or excerpt(result["stderr"] or result["stdout"]) or "PHP said nothing"
        return (
            f"The Laravel application in {path} does not start: {why}. Nothing was changed. See "
            f"what `php artisan --version` says there, as the same user."
        )
    error = facts["application"]["connection"].get("error")
    if error:
        return (
            f"The Laravel application in {path} cannot say how it connects to its database: "
            f"{error} Nothing was changed. Compare database_connection and config/database.php."
        )
    return None


def run_artisan(
    module, path, php, env, arguments, timeout=ARTISAN_TIMEOUT, watch=None, descriptors=()
):
    """Run `php artisan ARGUMENTS --no-interaction --no-ansi` in path, without a shell.

    One at a time: artisan inherits a lock, and has it for as long as it runs, even when the
    module that started it was killed; so it does with `descriptors`. Returns what run_php()
    returns.
    """
    arguments = ["artisan", *arguments, "--no-interaction", "--no-ansi"]
    try:
        lock = _lock(path, fcntl.LOCK_EX)
    except BlockingIOError:
        module.fail_json(
            msg=f"An artisan that an earlier run started is still running in {path}; two at a time "
            "would undo each other's work. Nothing was run or changed. Wait until it has ended "
            "(ps -ef | grep artisan shows it), and run this again."
        )
    try:
        inherited = descriptors if lock is None else (lock, *descriptors)
        return run_php(
            module, path, php, env, arguments, timeout, descriptors=inherited, watch=watch
        )
    finally:
        if lock is not None:
            os.close(lock)


def is_busy(path):
    """Return whether an artisan that this tool started is still running in path."""
    try:
        lock = _lock(path, fcntl.LOCK_SH)
    except BlockingIOError:
        return True
    if lock is not None:
        os.close(lock)
    return False


def _lock(path, kind):
    """Return a descriptor of the artisan file, locked, or None where that cannot be done.

    Raises BlockingIOError when another process has it. No file is made for it.
    """
    try:
        descriptor = os.open(os.path.join(path, "artisan"), os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise
    except OSError:
        # Network file systems may not lock what is only open for reading.
        os.close(descriptor)
        return None
    return descriptor


def run_php(module, path, php, env, arguments, timeout, source=None, descriptors=(), watch=None):
    """Run php in the folder path and return {rc, stdout, stderr, timed_out, stopped, seconds}.

    env adds to the environment. source: a program for its standard input. descriptors: open ones
    that it inherits. After timeout seconds it is ended with all it started; rc is then negative.
    So it is when watch, called about every second, returns a reason to, which is stopped then.
    """
    for needed in ("artisan", "vendor/autoload.php", "bootstrap/app.php"):
        if not os.path.isfile(os.path.join(path, needed)):
            module.fail_json(
                msg=f"There is no Laravel application in {path}: {os.path.join(path, needed)} is "
                "not there or may not be read by this user. Nothing was changed. Set laravel_path "
                "to the folder that artisan is in."
            )
    binary = module.get_bin_path(php) if os.sep not in php else php
    if not binary or not os.access(binary, os.X_OK):
        module.fail_json(
            msg=f"There is no PHP to run '{php}' with on this host. Nothing was changed. Set "
            "laravel_php to the path of the command line PHP that runs the application."
        )
    # The version and its settings are the application's affair, but a debugger's are not.
    # COLUMNS keeps messages on one line. Without LINES artisan starts `stty` to ask for it, and
    # what it starts has the whole of .env in its environment.
    environment = dict(os.environ, XDEBUG_MODE="off", COLUMNS="4000", LINES="100")
    environment.update({str(name): str(value) for name, value in (env or {}).items()})
    started = time.monotonic()
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stdout, (
        tempfile.TemporaryFile()
    ) as stderr:
        # Files, so that neither a long output nor a process left behind can block the reading.
        stdin.write((source or "").encode())
        stdin.seek(0)
        process = subprocess.Popen(
            [binary, *arguments],
            cwd=path,
            env=environment,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            pass_fds=descriptors,
            start_new_session=True,
        )
        timed_out, stopped = False, None
        while not timed_out and not stopped:
            left = started + timeout - time.monotonic()
            try:
                process.wait(max(0, min(1, left)))
                break
            except subprocess.TimeoutExpired:
                timed_out = left <= 0
                stopped = watch() if watch else None
        else:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        texts = []
        for file in (stdout, stderr):
            file.seek(0)
            texts.append(file.read().decode("utf-8", "replace"))
    return {
        "rc": process.returncode,
        "stdout": texts[0],
        "stderr": texts[1],
        "timed_out": timed_out,
        "stopped": stopped,
        "seconds": round(time.monotonic() - started, 3),
    }


def excerpt(text):
    """Return the end of a program's output as one line of at most EXCERPT characters."""
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT else "..." + line[-EXCERPT:]


def told_error(result):
    """Return what artisan gave as its error, on one line of at most EXCERPT characters."""
    text = result["stderr"] + "\n" + result["stdout"]
    lines = [re.sub(r"^\[[^]]+\] [\w-]+\.[A-Z]+: ", "", line.strip()) for line in text.splitlines()]
    lines = [line for line in lines if line]
    telling = [line for line in lines if "SQLSTATE[" in line]
    for place, line in enumerate(lines[:-1]):
        if re.match(r"In \S+\.php line \d+:$", line):
            telling.append(lines[place + 1])
    line = (telling or lines[-1:] or ["nothing"])[0]
    return line if len(line) <= EXCERPT else line[:EXCERPT] + "..."


def without_trace(text):
    """Return artisan's output without the stack traces of a log that goes to the screen."""
    kept = []
    for line in text.splitlines(keepends=True):
        if not re.match(r'#\d+ |\[stacktrace\]|\[previous exception\]|"\}\s*$', line):
            kept.append(re.sub(r' \{"exception":"\[object\] .*', "", line))
    return "".join(kept)


def hide_rows(text):
    """Return artisan's output without the values in statements on rows that failed.

    Laravel ends a message with the statement, values filled in: `(SQL: insert into ...)`. Of one
    that writes or reads rows, what follows its first three words on the line is left out; one that
    changes the schema is kept.
    """
    lines = []
    for line in text.splitlines(keepends=True):
        before, found, statement = line.partition("SQL: ")
        words = statement.split()
        if found and words and words[0].lower() in ROW_STATEMENTS:
            end = line[len(line.rstrip("\r\n")) :]
            line = f"{before}{found}{' '.join(words[:3])} ...){end}"
        lines.append(line)
    return "".join(lines)


def split_migrations(files, database):
    """Sort migrations by what the migrations table says.

    files: {name: path}; database: what probe() answered. Returns {recorded: [{name, batch}],
    pending: [names in the order they would run], missing: [recorded, but without a file],
    to_roll_back: [recorded by an interrupted run only to be rolled back, and thus pending]}; with
    an unreachable database every value is None.
    """
    if database["recorded"] is None:
        return dict.fromkeys(("recorded", "pending", "missing", "to_roll_back"))
    recorded = [row for row in database["recorded"] if row["batch"] != ROLLBACK_BATCH]
    names = {row["name"] for row in recorded}
    return {
        "recorded": recorded,
        "pending": [name for name in files if name not in names],
        "missing": [row["name"] for row in recorded if row["name"] not in files],
        "to_roll_back": [
            row["name"] for row in database["recorded"] if row["batch"] == ROLLBACK_BATCH
        ],
    }


LOG_ENTRY = re.compile(r"^\[(\d{4}-\d\d-\d\d[T ][^\]\n]+)\] [^\s:]+\.[A-Z]+: ", re.MULTILINE)
LOG_EXCEPTION = re.compile(
    r"\[object\] \([\w\\@]+\(code: [^)]*\): (?P<message>.*?) at (?P<place>[^\n]*?:\d+)\)"
    r"\n\[stacktrace\]",
    re.DOTALL,
)
LOG_MIGRATION = re.compile(r"[/\\]migrations[/\\]+([^/\\\s]+)\.php[(:](\d+)")
LOG_ERROR = re.compile(r"\.(?:ERROR|CRITICAL|ALERT|EMERGENCY): $")


def find_error(text):
    """Return the last error of a migration in a Laravel log, or else the last SQLSTATE error in it.

    text: lines as Monolog's LineFormatter writes them; what precedes the first entry is ignored.
    Returns {time, message, migration or None, place} or None. message is whole, with its SQL; of an
    error that is none of the server's, place is the migration's file and line: "a.php, line 7".
    """
    last = None
    for found in find_errors(text):
        if found["migration"]:
            return found
        last = last or found
    return last


def find_errors(text):
    """Yield the errors in a Laravel log that find_error() is about, the last one first."""
    entries = list(LOG_ENTRY.finditer(text))
    for number in range(len(entries) - 1, -1, -1):
        end = entries[number + 1].start() if number + 1 < len(entries) else len(text)
        entry = text[entries[number].end() : end]
        read = _read_entry(entry)
        told = "SQLSTATE[" in entry or (read["place"] and LOG_ERROR.search(entries[number].group()))
        if told:
            yield dict(time=entries[number].group(1), **read)


def _read_entry(entry):
    """Return {message, migration, place} of one log entry, without its time and level."""
    place = entry.find('"exception":"[object] (')
    message = (entry if place < 0 else entry[: max(entry.rfind(" {", 0, place), 0)]).strip()
    context = "" if place < 0 else entry[place:]
    # What was logged may only wrap the error; one that carries its SQL says the most.
    messages = [
        message,
        *(_unescape(found["message"]) for found in LOG_EXCEPTION.finditer(context)),
    ]
    message = max(
        messages,
        key=lambda text: ("SQLSTATE[" in text, "(SQL: " in text or "(Connection: " in text),
    )
    migration = LOG_MIGRATION.search(context)
    place = None
    if migration and not any("SQLSTATE[" in text for text in messages):
        place = f"{migration.group(1)}.php, line {migration.group(2)}"
    return {
        "message": message,
        "migration": migration.group(1) if migration else None,
        "place": place,
    }


def _unescape(text):
    """Return text as it was before it was put into JSON, whose line ends the log keeps as such."""
    try:
        return json.loads('"' + text.replace("\n", "\\n").replace("\t", "\\t") + '"')
    except ValueError:
        return text


def last_error(paths):
    """Return find_error() of the newest log files; only their ends are read."""
    last = None
    for text in _log_ends(paths):
        found = find_error(text)
        if found and found["migration"]:
            return found
        last = last or found
    return last


def last_errors(paths, limit):
    """Return the last `limit` errors of the newest log files, oldest first."""
    found = itertools.chain.from_iterable(map(find_errors, _log_ends(paths)))
    return list(itertools.islice(found, limit))[::-1]


def _log_ends(paths):
    """Yield the ends of the newest log files, the newest first."""

    def changed(path):
        try:
            return os.stat(path).st_mtime_ns
        except OSError:
            return 0

    for path in sorted(paths, key=changed, reverse=True)[:LOG_FILES]:
        try:
            with open(path, "rb") as file:
                file.seek(max(file.seek(0, os.SEEK_END) - LOG_TAIL, 0))
                text = file.read(LOG_TAIL).decode("utf-8", "replace")
        except OSError:
            continue
        yield text


DUMPED_TABLE = re.compile(
    r"\b(?:DROP|CREATE(?:\s+OR\s+REPLACE)?)\s+TABLE(?:\s+IF\s+(?:NOT\s+)?EXISTS)?\s+"
    r"(?:`((?:[^`]|``)+)`|([^\s`\"(;,]+))\s*(?=[(;]|$)",
    re.IGNORECASE | re.MULTILINE,
)
DUMPED_WORD = re.compile(
    r"\b(?:(?:DROP|CREATE(?:\s+OR\s+REPLACE)?)\s+TABLE|TRUNCATE|DELETE\s+FROM|RENAME\s+TABLE"
    r"|(?:DROP|CREATE)\s+(?:DATABASE|SCHEMA)|USE\s)",
    re.IGNORECASE,
)


def dumped_tables(path):
    """Return the tables that a schema dump of Laravel drops or makes; None if it cannot be told."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            text = file.read()
    except OSError:
        return None
    found = DUMPED_TABLE.findall(text)
    if len(found) != len(DUMPED_WORD.findall(text)):
        return None
    return sorted({quoted.replace("``", "`") or bare for quoted, bare in found})


def is_down(facts):
    """Return whether the application is down now; None when only PHP could tell."""
    path = facts["maintenance"]["file"]
    return os.path.exists(path) if path else None


def maintenance_state(facts, down):
    """Return {down, by_this_tool, run_id, migration, baseline, structure, expected, since}, by the
    marker that this tool leaves.

    down is as given: True, False, or None where the application cannot tell. run_id is that of an
    unfinished run, by_this_tool whether it was the one that took the application down, baseline
    the content of every table when it began ({table: {rows, digest, columns}}, or null), structure
    that of every table then, expected what was to come of it (both null if not noted), since when
    it took the application down (seconds since 1970, by this host's clock). The marker counts only
    for the maintenance period it was written in: one that was lifted by hand, and entered again by
    someone else, is not this tool's to lift.
    """
    state = dict.fromkeys(("run_id", "migration", "baseline", "structure", "expected", "since"))
    state.update(down=down, by_this_tool=False)
    try:
        with open(os.path.join(facts["storage"], MARKER), encoding="utf-8") as file:
            marker = json.load(file)
        noted = {name: marker[name] for name in ("run_id", "migration", "baseline")}
        # A run of an earlier version did not note these.
        noted.update({name: marker.get(name) for name in ("structure", "expected")})
        took_down, since, written = marker["took_down"], marker["since"], int(marker["written"])
        # A marker of an earlier version does not have it.
        entered = float(marker.get("entered") or (since or written) / 1e9)
    except (OSError, ValueError, KeyError, TypeError):
        return state
    begun = _down_since(facts)
    # Without "since" the run was interrupted while it took the application down.
    if down and (begun is None or begun == since or (since is None and begun >= written)):
        state.update(noted, by_this_tool=bool(took_down))
        state["since"] = entered if took_down else None
    return state


def _down_since(facts):
    """Return what tells one maintenance period from another, or None where nothing does."""
    path = facts["maintenance"]["file"]
    try:
        return os.stat(path).st_mtime_ns if path else None
    except OSError:
        return None


def went_down(facts, begun):
    """Return when the application went down (seconds since 1970): between `begun` and now."""
    now, written = time.time(), _down_since(facts)
    return now if written is None else min(max(written / 1e9, begun), now)


def write_marker(facts, run_id, migration, took_down=True, baseline=None, entered=None, **noted):
    """Note that a run has begun on an application that is down, or is just being taken down.

    entered: when this tool took it down (seconds since 1970). Raises OSError.
    """
    path = os.path.join(facts["storage"], MARKER)
    marker = {
        "run_id": run_id,
        "migration": migration,
        "took_down": took_down,
        "baseline": baseline,
        "structure": noted.get("structure"),
        "expected": noted.get("expected"),
        "since": _down_since(facts),
        "written": time.time_ns(),
        "entered": entered,
    }
    handle = os.open(path + ".partial", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(marker, file)
    os.replace(path + ".partial", path)


def remove_marker(facts):
    """Forget that this tool took the application down. Raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(facts["storage"], MARKER))
