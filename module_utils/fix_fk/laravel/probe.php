<?php
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
            'strict' => $config['strict'] ?? null,
            'modes' => $config['modes'] ?? null,
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
            'strings' => [], 'other_connections' => [], 'connection' => null, 'drops' => [],
            'renames' => [], 'writes' => [], 'calls' => []];
        $levels = ob_get_level();
        $this->limit($this->request['seconds']);
        try {
            $answer['strings'] = $this->strings($path);
            $migration = $this->load($name, $path);
            $answer['exists'] = method_exists($migration, $direction);
            $answer['conditional'] = $this->conditions($migration, $direction);
            list($answer['drops'], $answer['renames'], $answer['writes'])
                = $this->hidden($path, $direction);
            $answer['calls'] = $this->calls($path, $direction);
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
            $answer['other_connections'] = array_values(array_diff($used, [$this->default]));
            array_map([$this->app['db'], 'purge'], $answer['other_connections']);
            // Laravel 8 goes on pretending after an exception.
            $this->app['db']->purge($this->current->getName());
            $this->current = null;
        }
        $this->app['db']->setDefaultConnection($this->default);
        return $answer;
    }

    private function queries($connection)
    {
        return array_map(function ($entry) use ($connection) {
            return $this->filled($entry['query'], $connection->prepareBindings($entry['bindings']));
        }, $connection->getQueryLog());
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
     * they are written, as the rest of one may be known only when it runs), [old, new] of each table
     * that it renames, and the tables of which it writes rows ('' as before).
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
            array_map('strval', array_keys($writes))];
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
