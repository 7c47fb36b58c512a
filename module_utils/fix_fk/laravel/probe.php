<?php
// Puts questions to the Laravel application in the current folder. Written for PHP 7.3 and later.
final class FixFkProbe
{
    private $request;
    private $out;
    private $app;
    private $default;
    private $logging = [];
    private $recorded;
    private $loaded = [];
    private $protected = false;
    private $own = [];
    // Those that pretend now, by name, and the names of those to which a statement went, in order.
    private $pretending = [];
    private $sent = [];
    private $asked = 0;
    private $opens = false;
    private $stopped;

    // Statements that leave a schema, or of which it cannot be seen whether they do.
    const BEYOND = '~^\s*(?:/\*M?!\d*\s*)?(?:use|prepare|execute|grant|revoke|flush|kill|shutdown'
        .'|install|uninstall|purge|reset|change|load|call|do|handler|start\s+(?:slave|replica|group)'
        .'|stop|set\s+(?:@@)?(?:global|persist)|(?:create|alter|drop)\s+(?:or\s+replace\s+)?(?:user'
        .'|role|database|schema|server|tablespace|logfile|instance|event|definer))\b'
        .'|\binto\s+(?:out|dump)file\b|\bload_file\b~i';

    /** The id of a row that is not made while one pretends; it is told as "?". */
    const NEW_ID = 1987654321;

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
                'file' => $fatal ? $error['file'] : null,
                'line' => $fatal ? $error['line'] : null,
                'queries' => $this->pretending ? $this->queries()[0] : [],
                'elsewhere' => $this->pretending ? (object) $this->queries()[1] : (object) [],
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
        foreach (['application', 'database', 'checklist', 'models', 'statements', 'runs', 'sent'] as $section) {
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
            'others' => $this->others(),
            'ways' => $this->attempt(function () {
                return $this->ways();
            }, []),
            'migrations_table' => is_array($table) ? $table['table'] : ($table ?: 'migrations'),
            'files' => $this->files(),
            'twins' => $this->attempt(function () {
                return $this->twins();
            }, []),
            'schema_dump' => $this->schemaDump(),
            'destructive_commands_prohibited' => $this->prohibited(),
            'seeder' => $this->seeder(),
            'cached' => $app->configurationIsCached(),
            'storage' => $app->storagePath(),
            'utc_offset' => (int) date('Z'),
            'maintenance' => $this->maintenance(),
            'logs' => $this->attempt(function () {
                return $this->logs();
            }, []),
        ]);
    }

    private function connection($name = null)
    {
        $name = $name ?: $this->default;
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
            'strict' => $config['strict'] ?? null,
            'modes' => $config['modes'] ?? null,
            'tls' => $this->tls($config['options'] ?? []),
        ];
    }

    /** The other connections that are configured, by name, without their passwords. */
    private function others()
    {
        $others = [];
        foreach ((array) $this->app['config']['database.connections'] as $name => $config) {
            $name = (string) $name;
            if ($name === $this->default || ! is_array($config)) {
                continue;
            }
            // One of another kind may connect, or fail, as soon as it is made.
            $others[$name] = $this->isServer($config) ? $this->connection($name) : [
                'name' => $name, 'driver' => $config['driver'] ?? null,
                'database' => $config['database'] ?? null,
            ];
            unset($others[$name]['password']);
        }
        return (object) $others;
    }

    private function isServer(array $config)
    {
        return in_array($config['driver'] ?? null, ['mysql', 'mariadb'], true);
    }

    /** Whether a connection leads to the same schema as the application's own. */
    private function isOwn($name)
    {
        if (! isset($this->own[$name])) {
            $places = array_map(function ($one) {
                $about = $this->connection($one);
                return array_intersect_key($about, array_flip(['host', 'port', 'socket', 'database']));
            }, [$name, $this->default]);
            $this->own[$name] = $name === $this->default || $places[0] === $places[1];
        }
        return $this->own[$name];
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
            return (object) $this->app['migrator']->getMigrationFiles($this->folders());
        } catch (Throwable $e) {
            return (object) [];
        }
    }

    /** Where `migrate` looks for migrations; of two files of one name it takes the last. */
    private function folders()
    {
        return array_merge(
            $this->app['migrator']->paths(),
            [$this->app->databasePath().'/migrations']
        );
    }

    /** What is there more than once: files by the name of the migration, classes by their own. */
    private function twins()
    {
        $files = [];
        $classes = [];
        foreach ($this->folders() as $folder) {
            foreach ($this->app['migrator']->getMigrationFiles([$folder]) as $name => $path) {
                $files[$name][realpath($path)] = $path;
            }
        }
        foreach ((array) $this->files() as $name => $path) {
            foreach ($this->attempt(function () use ($path) {
                return $this->declared($path);
            }, []) as $class) {
                $classes[strtolower($class)][] = ['name' => (string) $name, 'class' => $class];
            }
        }
        $several = function ($found) {
            return count($found) > 1;
        };
        list($files, $classes) = [array_filter($files, $several), array_filter($classes, $several)];
        return [
            'files' => array_map(function ($name, $paths) {
                return ['name' => (string) $name, 'paths' => array_values($paths),
                    'alike' => count(array_unique(array_map('md5_file', $paths))) === 1];
            }, array_keys($files), $files),
            'classes' => array_map(function ($found) {
                return ['class' => $found[0]['class'],
                    'migrations' => array_values(array_unique(array_column($found, 'name')))];
            }, array_values($classes)),
        ];
    }

    /** The classes that a file declares wherever it is required, with their namespace. */
    private function declared($path)
    {
        $tokens = array_values(array_filter($this->tokens($path), function ($token) {
            return ! is_array($token)
                || ! in_array($token[0], [T_WHITESPACE, T_COMMENT, T_DOC_COMMENT], true);
        }));
        $classes = [];
        $space = '';
        $depth = 0;
        foreach ($tokens as $at => $token) {
            if ($token === '{' || (is_array($token)
                && in_array($token[0], [T_CURLY_OPEN, T_DOLLAR_OPEN_CURLY_BRACES], true))) {
                $depth++;
            } elseif ($token === '}') {
                $depth--;
            }
            $next = $tokens[$at + 1] ?? null;
            if (! is_array($token) || ! is_array($next) || $depth) {
                continue;
            }
            if ($token[0] === T_NAMESPACE) {
                for ($space = '', $in = $at + 1; is_array($tokens[$in] ?? null); $in++) {
                    $space .= $tokens[$in][1];
                }
                $space .= '\\';
            } elseif (in_array($token[0], [T_CLASS, T_TRAIT, T_INTERFACE], true)
                && $next[0] === T_STRING) {
                $classes[] = $space.$next[1];
            }
        }
        return $classes;
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
            $this->tell('database', ['error' => null, 'exists' => $exists, 'recorded' => $rows,
                'session' => $this->session($connection->getPdo())]);
        } catch (Throwable $e) {
            for ($cause = $e; $cause && ! $cause instanceof PDOException;) {
                $cause = $cause->getPrevious();
            }
            $code = $cause ? ($cause->errorInfo[1] ?? $cause->getCode()) : 0;
            $this->tell('database', ['exists' => null, 'recorded' => null,
                'error' => ['code' => (int) $code, 'message' => ($cause ?: $e)->getMessage()]]);
        }
    }

    /** How the session of the application is set: its modes and character set, and what is not
     *  set like that for every new session of the server. */
    private function session(PDO $pdo)
    {
        $own = ['sql_mode', 'character_set_client', 'collation_connection'];
        $names = array_merge($own, ['time_zone', 'foreign_key_checks', 'unique_checks',
            'default_storage_engine', 'innodb_strict_mode', 'explicit_defaults_for_timestamp']);
        return $this->attempt(function () use ($pdo, $own, $names) {
            $values = function ($scope) use ($pdo, $names) {
                $asked = array_map(function ($name) use ($scope) {
                    return "@@$scope.$name as $name";
                }, $names);
                return $pdo->query('select '.implode(', ', $asked))->fetch(PDO::FETCH_ASSOC);
            };
            $usual = $values('GLOBAL');
            $found = [];
            foreach ($values('SESSION') as $name => $value) {
                if (in_array($name, $own, true) || (string) $value !== (string) $usual[$name]) {
                    $found[$name] = (string) $value;
                }
            }
            return $found;
        });
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
        $pending = $this->recorded === null ? [] : array_values(array_diff(
            array_map('strval', array_keys($files)),
            $this->recorded
        ));
        if ($this->request['loading']) {
            $this->loading(array_intersect_key($files, array_flip($pending)));
        }
        if ($wanted === 'pending') {
            $wanted = $pending;
        }
        $later = [];
        foreach ($files as $name => $path) {
            $name = (string) $name;
            if ($wanted !== 'all' && ! in_array($name, $wanted, true)) {
                continue;
            }
            if (! in_array($name.':down', $this->request['skip'], true) && $this->isTaken($path)) {
                $later[] = $name;
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
        $this->tell('later', $later);
    }

    /** Take the files of the pending migrations as `migrate` does: all, and then each in its turn. */
    private function loading(array $files)
    {
        $migrator = $this->app['migrator'];
        foreach (['all', 'turn'] as $part) {
            foreach ($files as $name => $path) {
                $this->tell('begin', [(string) $name, $part]);
                $this->limit($this->request['seconds']);
                try {
                    if ($part === 'all') {
                        $migrator->requireFiles([$path]);
                        continue;
                    }
                    $this->loaded[$path] = $this->resolved($migrator, $path);
                } catch (Throwable $e) {
                    $own = realpath($e->getFile()) === realpath($path);
                    $this->tell('loading', ['migration' => (string) $name, 'part' => $part,
                        'file' => $path, 'line' => $own ? $e->getLine() : null,
                        'error' => $e->getMessage() ?: get_class($e)]);
                    $this->limit(0);
                    return;
                }
            }
        }
        $this->limit(0);
        $this->tell('loading', null);
    }

    /** A migration as `migrate` makes it from its file. */
    private function resolved($migrator, $path)
    {
        if (! method_exists($migrator, 'resolvePath')) {
            return $migrator->resolve($migrator->getMigrationName($path));
        }
        $method = new ReflectionMethod($migrator, 'resolvePath');
        PHP_VERSION_ID < 80100 && $method->setAccessible(true);
        return $method->invoke($migrator, $path);
    }

    /** Whether another file has declared a class of this one: PHP would end at that. */
    private function isTaken($path)
    {
        return ! isset($this->loaded[$path]) && $this->attempt(function () use ($path) {
            foreach ($this->declared($path) as $class) {
                $known = class_exists($class, false) || trait_exists($class, false)
                    || interface_exists($class, false);
                if ($known && (new ReflectionClass($class))->getFileName() !== realpath($path)) {
                    return true;
                }
            }
            return false;
        }, false);
    }

    /** A migration that reaches past the pretence finds sessions that cannot write. */
    private function protect()
    {
        if ($this->protected) {
            return;
        }
        $this->protected = true;
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
        $this->app['events']->listen('Illuminate\Database\Events\QueryExecuted', function ($event) {
            $this->asked++;
            $this->sent[] = $event->connectionName;
        });
        // Nor should a migration send mail or start jobs because it was asked what it would do.
        $this->app['config']->set(['mail.default' => 'array', 'queue.default' => 'null']);
        $this->alarm();
    }

    private function alarm()
    {
        if (function_exists('pcntl_async_signals')) {
            pcntl_async_signals(true);
            pcntl_signal(SIGALRM, function () {
                pcntl_alarm(1);
                throw $this->stop('it did not end within '.$this->request['seconds'].' s');
            });
        }
    }

    /** By migration that has a shouldRun() of its own, of Laravel 12.4 and later: what it says. */
    private function runs()
    {
        $found = [];
        foreach ((array) $this->files() as $name => $path) {
            if (stripos((string) file_get_contents($path), 'shouldRun') === false
                || $this->isTaken($path)) {
                continue;
            }
            $this->protect();
            $this->tell('begin', [(string) $name, 'runs']);
            $this->attempt(function () use (&$found, $name, $path) {
                $migration = $this->load($name, $path);
                if ($this->decides($migration)) {
                    $found[$name] = $this->says($migration);
                }
            });
        }
        $this->tell('runs', (object) $found);
        $this->tell('begin', ['', 'runs']);
        $this->tell('isolated', $this->attempt(function () {
            return $this->isIsolated();
        }));
    }

    /** Whether somebody has the lock of `migrate --isolated`, without taking it. */
    private function isIsolated()
    {
        $command = 'Illuminate\Database\Console\Migrations\MigrateCommand';
        if (! is_a($command, 'Illuminate\Contracts\Console\Isolatable', true)) {
            return false;
        }
        ini_set('default_socket_timeout', '3');
        $named = 'Illuminate\Console\CommandMutex';
        $mutex = $this->app->make(
            $this->app->bound($named) ? $named : 'Illuminate\Console\CacheCommandMutex'
        );
        $cache = $mutex->cache->store($mutex->store);
        $store = $cache->getStore();
        $name = 'framework'.DIRECTORY_SEPARATOR.'command-migrate';
        if (! $store instanceof Illuminate\Contracts\Cache\LockProvider) {
            return $cache->has($name);
        }
        $owner = new ReflectionMethod($lock = $store->lock($name), 'getCurrentOwner');
        PHP_VERSION_ID < 80100 && $owner->setAccessible(true);
        return (bool) $owner->invoke($lock);
    }

    private function decides($migration)
    {
        $base = 'Illuminate\Database\Migrations\Migration';
        return method_exists($base, 'shouldRun') && $migration instanceof $base
            && (new ReflectionMethod($migration, 'shouldRun'))->getDeclaringClass()->getName() !== $base;
    }

    /** Whether `migrate` would run it now; null where that depends on the database, or fails. */
    private function says($migration)
    {
        $asked = $this->asked;
        $levels = ob_get_level();
        $this->limit($this->request['seconds']);
        $says = $this->attempt(function () use ($migration) {
            return (bool) $migration->shouldRun();
        });
        $this->limit(0);
        while (ob_get_level() > $levels) {
            ob_end_clean();
        }
        return $this->asked === $asked ? $says : null;
    }

    private function pretend($name, $path, $direction)
    {
        $answer = ['exists' => null, 'queries' => [], 'error' => null, 'conditional' => [],
            'strings' => [], 'other_connections' => [], 'connection' => null, 'drops' => [],
            'renames' => [], 'writes' => [], 'names' => [], 'elsewhere' => [], 'counts' => [],
            'varies' => [], 'outside' => [], 'calls' => []];
        $levels = ob_get_level();
        $this->limit($this->request['seconds']);
        try {
            $answer['strings'] = $this->strings($path);
            $migration = $this->load($name, $path);
            $answer['exists'] = method_exists($migration, $direction);
            $answer['conditional'] = $this->conditions($migration, $direction);
            list($answer['drops'], $answer['renames'], $answer['writes'], $answer['names'])
                = $this->hidden($path, $direction);
            if ($direction === 'up' && ! in_array($name, $this->recorded ?: [], true)
                && $this->decides($migration) && $this->says($migration) === null) {
                $answer['conditional'][] = 'shouldRun() decides whether it runs';
            }
            list($answer['counts'], $answer['varies'], $answer['outside']) = $this->beyond($path);
            $answer['calls'] = $this->calls($path, $direction);
            if ($answer['exists']) {
                $own = [$migration, 'getConnection'];
                $own = is_callable($own) ? $own() : null;
                $answer['connection'] = $own === null || $this->isOwn($own) ? null : $own;
                $connection = $this->app['db']->connection($own ?: $this->default);
                $this->app['db']->setDefaultConnection($connection->getName());
                $this->everyPretends($connection, $answer['strings'], function () use (
                    $migration,
                    $direction
                ) {
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
        if ($this->pretending) {
            list($answer['queries'], $answer['elsewhere'], $mixed) = $this->queries();
            if ($mixed) {
                $answer['conditional'][] = 'the order of its statements is not known';
            }
            $answer['other_connections'] = $this->used();
            // Laravel 8 goes on pretending after an exception.
            array_map([$this->app['db'], 'purge'], array_keys($this->app['db']->getConnections()));
            $this->pretending = [];
        }
        $answer['elsewhere'] = (object) $answer['elsewhere'];
        $this->app['db']->setDefaultConnection($this->default);
        return $answer;
    }

    /** Run migrations for real, in a scratch schema and nowhere else; tell what each one sends. */
    private function sent()
    {
        $this->confine();
        $files = (array) $this->files();
        foreach ($this->request['sent']['migrations'] as $name) {
            $this->tell('begin', [$name, 'sent']);
            $answer = $this->carryOut($name, $files[$name]);
            $this->tell('sent', [$name, $answer]);
            if ($answer['error'] !== null || $answer['stopped'] !== null) {
                return;
            }
        }
    }

    /** No connection is opened any more but the one to the scratch schema, and that one once. */
    private function confine()
    {
        $drivers = ['mysql' => 'MySql', 'mariadb' => 'MariaDb', 'pgsql' => 'Postgres',
            'sqlite' => 'SQLite', 'sqlsrv' => 'SqlServer'];
        foreach ($drivers as $driver => $vendor) {
            $key = "db.connector.$driver";
            $class = "Illuminate\\Database\\Connectors\\{$vendor}Connector";
            $bound = $this->app->bound($key);
            if (! $bound && ! class_exists($class)) {
                continue;
            }
            $connector = $bound ? $this->app->make($key) : new $class;
            $may = function (array $config) {
                if (! $this->opens || $config['name'] !== $this->default
                    || $config['database'] !== $this->request['sent']['schema']) {
                    throw $this->stop('it opens a database connection of its own');
                }
            };
            $this->app->bind($key, function () use ($connector, $may) {
                return new class($connector, $may) implements
                    Illuminate\Database\Connectors\ConnectorInterface
                {
                    private $connector;
                    private $may;

                    public function __construct($connector, $may)
                    {
                        $this->connector = $connector;
                        $this->may = $may;
                    }

                    public function connect(array $config)
                    {
                        ($this->may)($config);
                        return $this->connector->connect($config);
                    }
                };
            });
        }
        $this->app['config']->set(['mail.default' => 'array', 'queue.default' => 'null']);
        $this->alarm();
    }

    /** The migration may catch it: what it sends afterwards is not what it would send. */
    private function stop($why)
    {
        $this->stopped = $this->stopped ?: $why;
        return new RuntimeException($why);
    }

    private function carryOut($name, $path)
    {
        $answer = ['statements' => [], 'error' => null, 'line' => null, 'unseen' => 0,
            'stopped' => null];
        $this->stopped = null;
        $levels = ob_get_level();
        $manager = $this->app['db'];
        array_map([$manager, 'purge'], array_keys($manager->getConnections()));
        try {
            $this->opens = true;
            $connection = $manager->connection($this->default);
            $schemas = $this->watch($connection, $answer);
            $connection->getReadPdo();
            $this->opens = false;
            $before = $this->written($connection);
            $this->limit($this->request['seconds']);
            try {
                $this->load($name, $path)->up();
            } catch (Throwable $e) {
                $answer['error'] = $this->reason($e);
                $answer['line'] = $this->line($e, $path);
            }
            $this->limit(0);
            $answer['unseen'] = $this->unseen($answer, $this->written($connection) - $before);
        } catch (Throwable $e) {
            $answer['error'] = $this->reason($e);
            $this->stop($answer['error']);
        }
        $this->opens = false;
        $answer['stopped'] = $this->stopped;
        while (ob_get_level() > $levels) {
            ob_end_clean();
        }
        $manager->setDefaultConnection($this->default);
        return $answer;
    }

    /** Note what is sent, and stop before it what is not about the scratch schema. */
    private function watch($connection, array &$answer)
    {
        $scratch = $this->request['sent']['schema'];
        $there = $connection->selectOne('select database() as name')->name;
        if ($there !== $scratch || ! method_exists($connection, 'beforeExecuting')) {
            throw new RuntimeException($there !== $scratch ? "the connection leads to $there"
                : 'this Laravel cannot say what is sent (8.72 or later does)');
        }
        $others = [];
        foreach ($connection->getPdo()->query('SHOW DATABASES') as $row) {
            if (! in_array(strtolower($row[0]), [strtolower($scratch), 'information_schema'], true)) {
                $others[] = preg_quote(str_replace('`', '``', $row[0]), '/');
            }
        }
        // An account that sees none can reach none.
        $others = '/(?<![\w$.])`?(?:'.implode('|', $others ?: ['(?!)']).')`?\s*\./iu';
        $connection->beforeExecuting(function ($sql, $values, $connection) use (&$answer, $others) {
            $bare = preg_replace('/\'(?:[^\'\\\\]|\\\\.|\'\')*\'|"(?:[^"\\\\]|\\\\.|"")*"/s', "''", $sql);
            // Neither found, nor unreadable for the pattern.
            if ($bare === null || preg_match(self::BEYOND, $bare) || preg_match($others, $bare) !== 0) {
                throw $this->stop('it sends what is not about its schema alone');
            }
            $filled = $this->filled($sql, $connection->prepareBindings($values));
            $answer['statements'][] = ['sql' => $filled, 'raw' => $sql, 'done' => false];
        });
        $connection->listen(function ($event) use (&$answer, $connection) {
            $last = count($answer['statements']) - 1;
            if ($event->connection === $connection && $last >= 0
                && $answer['statements'][$last]['raw'] === $event->sql) {
                $answer['statements'][$last]['done'] = true;
            }
        });
    }

    /** How many statements that write the session has sent, by the server's own count. */
    private function written($connection)
    {
        $count = 0;
        foreach ($connection->getPdo()->query("SHOW SESSION STATUS LIKE 'Com\\_%'") as $row) {
            if (preg_match('/^Com_(alter|create|drop|rename|insert|update|delete|replace|truncate)'
                .'(_|$)/', $row[0])) {
                $count += (int) $row[1];
            }
        }
        return $count;
    }

    /** How many of them Laravel does not know of; of a statement that failed either may be. */
    private function unseen(array &$answer, $written)
    {
        $done = $failed = 0;
        foreach ($answer['statements'] as &$one) {
            if (preg_match('~^\s*(?:/\*M?!\d*\s*)?(alter|create|drop|rename|insert|update|delete'
                .'|replace|truncate)\b~i', $one['raw'])) {
                $one['done'] ? $done++ : $failed++;
            }
            unset($one['raw']);
        }
        return $written < $done ? $written - $done : max(0, $written - $done - $failed);
    }

    /** The line of the file at which it was when this was thrown, or null. */
    private function line(Throwable $e, $path)
    {
        $thrown = ['file' => $e->getFile(), 'line' => $e->getLine()];
        foreach (array_merge([$thrown], $e->getTrace()) as $call) {
            if (realpath($call['file'] ?? '') === realpath($path)) {
                return $call['line'];
            }
        }
        return null;
    }

    private function reason(Throwable $e)
    {
        // What the server said is enough: the values of rows are in the statement.
        $said = $e instanceof Illuminate\Database\QueryException ? $e->getPrevious() : $e;
        return ($said ?: $e)->getMessage() ?: get_class($e);
    }

    /** Let every connection that a migration may use only pretend while the callback runs. */
    private function everyPretends($connection, array $strings, callable $callback)
    {
        $this->pretending = [$connection->getName() => $connection];
        foreach ((array) $this->app['config']['database.connections'] as $name => $config) {
            $name = (string) $name;
            if (is_array($config) && ! isset($this->pretending[$name])
                && ($this->isServer($config) || in_array($name, $strings, true))) {
                $this->attempt(function () use ($name) {
                    $this->pretending[$name] = $this->app['db']->connection($name);
                });
            }
        }
        $this->sent = [];
        array_map([$this, 'countIds'], $this->pretending);
        foreach (array_reverse($this->pretending) as $one) {
            $callback = function () use ($one, $callback) {
                $one->pretend($callback);
            };
        }
        $callback();
    }

    /** What went to the application's schema, to each other connection, and whether in doubt. */
    private function queries()
    {
        $logs = array_map(function ($connection) {
            return array_map(function ($entry) use ($connection) {
                $values = $connection->prepareBindings($entry['bindings']);
                $query = $this->filled($entry['query'], $values);
                return preg_replace('/\''.self::NEW_ID.'\'|\b'.self::NEW_ID.'\b/', '?', $query);
            }, $connection->getQueryLog());
        }, $this->pretending);
        $own = array_filter($logs, function ($log, $name) {
            return $log && $this->isOwn($name);
        }, ARRAY_FILTER_USE_BOTH);
        $elsewhere = array_filter(array_diff_key($logs, $own));
        if (count($own) < 2) {
            return [$own ? reset($own) : [], $elsewhere, false];
        }
        $queries = [];
        foreach ($this->sent as $name) {
            if (! empty($own[$name])) {
                $queries[] = array_shift($own[$name]);
            }
        }
        $rest = array_merge(...array_values($own));
        return [array_merge($queries, $rest), $elsewhere, (bool) $rest];
    }

    /** The connections other than the application's own that were opened, or sent something. */
    private function used()
    {
        $used = [];
        foreach ($this->app['db']->getConnections() as $name => $connection) {
            $pretended = isset($this->pretending[$name]);
            $opened = ! $pretended || ! $connection->getRawPdo() instanceof Closure;
            if ($name !== $this->default && ($opened || $connection->getQueryLog())) {
                $used[] = $name;
            }
        }
        return $used;
    }

    /** The id of a new row is none that could be taken for NULL or for another row's. */
    private function countIds($connection)
    {
        $known = ['Illuminate\Database\Query\Processors\MySqlProcessor',
            'Illuminate\Database\Query\Processors\MariaDbProcessor'];
        if (in_array(get_class($connection->getPostProcessor()), $known, true)) {
            $connection->setPostProcessor(
                new class(self::NEW_ID) extends Illuminate\Database\Query\Processors\MySqlProcessor
                {
                    private $id;

                    public function __construct($id)
                    {
                        $this->id = $id;
                    }

                    public function processInsertGetId(
                        Illuminate\Database\Query\Builder $query,
                        $sql,
                        $values,
                        $sequence = null
                    ) {
                        $query->getConnection()->insert($sql, $values);
                        return $this->id;
                    }
                }
            );
        }
    }

    /** Laravel before version 10 logs a statement apart from its values. */
    private function filled($query, array $values)
    {
        $marks = '/\'(?:[^\'\\\\]|\\\\.)*\'|"(?:[^"\\\\]|\\\\.)*"|`[^`]*`|\?/s';
        preg_match_all($marks, $query, $found);
        if (! $values || count(array_keys($found[0], '?', true)) !== count($values)) {
            return $query;
        }
        return preg_replace_callback($marks, function ($found) use (&$values) {
            return $found[0] === '?' ? $this->quoted(array_shift($values)) : $found[0];
        }, $query);
    }

    private function quoted($value)
    {
        if ($value === null || is_bool($value)) {
            return $value === null ? 'null' : (string) (int) $value;
        }
        if (! is_string($value)) {
            return is_int($value) || is_float($value) ? (string) $value : '?';
        }
        // What is no text cannot be told in JSON either.
        return preg_match('//u', $value)
            ? "'".str_replace(['\\', "'"], ['\\\\', "''"], $value)."'" : '?';
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
            if ($name === 'shouldRun') {
                continue;
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
     * they are written, as the rest of one may be known only when it runs), [old, new] of each table
     * that it renames, the tables of which it writes rows ('' as before), and the connections that it
     * names.
     */
    private function hidden($path, $direction)
    {
        $tokens = $this->telling($path);
        $text = function ($at) use ($tokens) {
            $token = $tokens[$at] ?? null;
            return is_array($token) ? $token[1] : $token;
        };
        $found = [];
        $renames = [];
        $writes = [];
        $connections = [];
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
            // [Schema::class, 'drop'] and Schema::$method() are called with what is not to be seen.
            if ($here && is_array($token) && $text($at - 1) === ',' && $text($at + 1) === ']'
                && $token[0] === T_CONSTANT_ENCAPSED_STRING
                && preg_match('/^.(drop(ifexists)?|truncate|delete).$/i', $token[1])) {
                $found[''] = true;
            }
            if ($here && $text($at) === '::' && $text($at + 2) === '('
                && is_array($tokens[$at + 1]) && $tokens[$at + 1][0] === T_VARIABLE) {
                $found[''] = true;
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
            if ($called === 'connection' && $whole) {
                $connections[$named] = true;
            }
            if (preg_match('/^(insert|increment|decrement)/', $called)
                || ($called === 'update' && $table !== null)
                || ($called === 'create' && $text($at - 1) === '::'
                    && $text($at - 2) !== 'Schema')) {
                $writes[(string) $table] = true;
            }
            if (in_array($called, ['statement', 'unprepared', 'exec', 'affectingstatement'], true)
                && $this->isUnread($next, $text($at + 3), $tokens)) {
                $found[''] = true;
            }
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
        return [array_map('strval', array_keys($found)), $renames,
            array_map('strval', array_keys($writes)),
            array_map('strval', array_keys($connections))];
    }

    /**
     * Where the source may decide by how many rows a statement has changed, where by what may be
     * another at another time or place, and what it names that reaches out of the database, or past
     * Laravel.
     */
    private function beyond($path)
    {
        static $classes = '/(^|\\\\)(Http|Mail|Notification|Storage|File|Redis|Queue|Bus|Artisan|Process'
            .'|Broadcast|GuzzleHttp|PDO|mysqli|ZipArchive|SplFileObject)(\\\\|$)/';
        static $methods = '/^(getPdo|getRawPdo|getReadPdo|getRawReadPdo|notify|notifyNow)$/i';
        static $functions = '/^(dispatch|dispatch_sync|dispatch_now|mail|curl_\w+|fopen|fsockopen|unlink'
            .'|rename|copy|mkdir|rmdir|touch|file_put_contents|exec|shell_exec|system|passthru|popen'
            .'|proc_open|stream_socket_client|mysqli_\w+)$/i';
        static $changing = '/^(update|delete|forceDelete|increment|decrement|upsert|insertOrIgnore'
            .'|insertUsing|updateOrInsert|insertGetId|affectingStatement|updateOrCreate|firstOrCreate)$/i';
        static $deciding = ['=', '?', 'T_IF', 'T_ELSEIF', 'T_WHILE', 'T_FOR', 'T_SWITCH', 'T_MATCH',
            'T_RETURN', 'T_BOOLEAN_AND', 'T_BOOLEAN_OR', 'T_LOGICAL_AND', 'T_LOGICAL_OR', 'T_FN',
            'T_PLUS_EQUAL', 'T_COALESCE', 'T_COALESCE_EQUAL'];
        static $varying = '/^(now|today|date|time|microtime|hrtime|rand|mt_rand|random_int|uniqid|env'
            .'|getenv|file_exists|is_file|is_dir|glob|gethostname|Carbon|CarbonImmutable|Date|Cache'
            .'|cache)$/';
        static $branching = ['T_IF', 'T_ELSEIF', 'T_WHILE', 'T_SWITCH', 'T_MATCH', '?'];
        $counts = [];
        $varies = [];
        $outside = [];
        $before = null;
        $decides = false;
        $branches = false;
        $begins = true;
        $tokens = $this->tokens($path);
        foreach ($tokens as $at => $token) {
            list($id, $text) = is_array($token) ? $token : [null, $token];
            $kind = $id === null ? $text : token_name($id);
            if (in_array($kind, ['T_WHITESPACE', 'T_COMMENT', 'T_DOC_COMMENT'], true)) {
                continue;
            }
            if (in_array($kind, [';', '{', '}'], true)) {
                list($decides, $branches, $begins, $before) = [false, false, true, $kind];
                continue;
            }
            // What goes on with an expression after a closure belongs to what is before that.
            $goes = in_array($kind, [')', ']', ',', 'T_OBJECT_OPERATOR'], true);
            $decides = $decides || in_array($kind, $deciding, true) || ($begins && $goes);
            $branches = $branches || in_array($kind, $branching, true);
            $begins = false;
            $names = in_array($kind, ['T_STRING', 'T_NAME_QUALIFIED', 'T_NAME_FULLY_QUALIFIED'], true);
            $called = in_array($before, ['T_OBJECT_OPERATOR', 'T_NULLSAFE_OBJECT_OPERATOR',
                'T_DOUBLE_COLON'], true);
            if ($names && ! $called && $before !== 'T_FUNCTION'
                && (preg_match($classes, $text) || (preg_match($functions, ltrim($text, '\\'))
                    && $this->next($tokens, $at) === '('))) {
                $outside[$text] = true;
            } elseif ($names && $called && preg_match($methods, $text)) {
                $outside[$text] = true;
            } elseif ($names && $called && $decides && preg_match($changing, $text)) {
                $counts["line {$token[2]}: by the rows that $text() has changed"] = true;
            }
            if ($names && $branches && ! $called && preg_match($varying, $text)) {
                $varies["line {$token[2]}: by $text"] = true;
            }
            $before = $kind;
        }
        return [array_keys($counts), array_keys($varies), array_keys($outside)];
    }

    private function next(array $tokens, $at)
    {
        do {
            $token = $tokens[++$at] ?? null;
        } while (is_array($token) && $token[0] === T_WHITESPACE);
        return is_array($token) ? $token[1] : $token;
    }

    /**
     * What the source calls outside the other direction's method that may do something else than
     * send statements: functions, static methods and constructors that are not known not to.
     */
    private function calls($path, $direction)
    {
        static $classes = ['schema', 'db', 'blueprint', 'str', 'arr', 'carbon', 'expression',
            'self', 'static', 'parent'];
        static $functions = '/^(array_\w+|str_\w+|ctype_\w+|mb_\w+|preg_(match|replace|quote)|s?printf'
            .'|implode|explode|count|in_array|range|trim|[lr]trim|(sub|u?c)?str\w*|ucfirst|ucwords'
            .'|max|min|round|floor|ceil|abs|intval|strval|boolval|is_\w+|date|time|now|today|config'
            .'|env|collect|compact|json_encode|json_decode|md5|sha1|defined|constant)$/i';
        $tokens = $this->telling($path);
        $found = [];
        $method = null;
        foreach ($tokens as $at => $token) {
            list($id, $text) = is_array($token) ? $token : [null, $token];
            $near = function ($step) use ($tokens, $at) {
                $other = $tokens[$at + $step] ?? null;
                return is_array($other) ? $other[1] : $other;
            };
            if (strtolower((string) $near(-1)) === 'function' && $id === T_STRING) {
                $method = strtolower($text);
                continue;
            }
            if (in_array($method, ['up', 'down'], true) && $method !== $direction) {
                continue;
            }
            $parts = explode('\\', $text);
            $last = strtolower(end($parts));
            if ($id === T_NEW) {
                $parts = explode('\\', (string) $near(1));
                $made = end($parts);
                if (strtolower($made) !== 'class' && ! in_array(strtolower($made), $classes, true)) {
                    $found["new $made"] = true;
                }
            } elseif ($text === '::' && $near(2) === '(') {
                $parts = explode('\\', (string) $near(-1));
                if (! in_array(strtolower(end($parts)), $classes, true)) {
                    $found[end($parts).'::'.$near(1).'()'] = true;
                }
            } elseif ($near(1) === '(' && preg_match('/^[$\\\\\w]+$/', $text)
                && ! in_array($near(-1), ['->', '?->', '::', 'new'], true)
                && ($id === T_VARIABLE || $id === T_STRING || strpos($text, '\\') !== false)
                && ! preg_match($functions, $last)) {
                $found["$last()"] = true;
            } elseif (in_array($id, [T_INCLUDE, T_INCLUDE_ONCE, T_REQUIRE, T_REQUIRE_ONCE, T_EVAL,
                T_EXIT], true) || $text === '`') {
                $found[$text] = true;
            }
        }
        return array_map('strval', array_keys($found));
    }

    /** The tokens of a file without blanks and comments. */
    private function telling($path)
    {
        return array_values(array_filter($this->tokens($path), function ($token) {
            return ! is_array($token)
                || ! in_array($token[0], [T_WHITESPACE, T_COMMENT, T_DOC_COMMENT], true);
        }));
    }

    /** Whether SQL is given as something else than text, and may drop or empty a table. */
    private function isUnread($first, $second, array $tokens)
    {
        static $drops = '/\b(drop|truncate)\b(?!\s+(foreign|constraint|index|key|column|primary|check'
            .'|default))|\bdelete\s+from/i';
        $literal = is_array($first) && $first[0] === T_CONSTANT_ENCAPSED_STRING;
        if ($literal || $first === '"' || (is_array($first) && $first[0] === T_START_HEREDOC)) {
            return $literal && $second === '.' && preg_match($drops, $first[1])
                && ! preg_match('/\b(drop\s+table|truncate\s+\S|delete\s+from)/i', $first[1]);
        }
        if (is_array($first) && preg_match('/^(file|stream)_?get_contents|^file$/i', $first[1])) {
            return true;
        }
        // Put together from what stands elsewhere in the file.
        foreach ($tokens as $token) {
            if (is_array($token) && in_array($token[0], [
                T_CONSTANT_ENCAPSED_STRING, T_ENCAPSED_AND_WHITESPACE], true)
                && preg_match($drops, $token[1])) {
                return true;
            }
        }
        return false;
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
