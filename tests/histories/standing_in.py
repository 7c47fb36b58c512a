# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in for the code of an application that is not here, and notes what it sends."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

STANDS_IN = r"""
// Stands in for what an application has and is not here; see scripts/histories.
spl_autoload_register(static function (string $class): void {
    if (strpos($class, '\\') === false) {
        $facade = "Illuminate\\Support\\Facades\\$class";
        class_exists($facade) && class_alias($facade, $class);
        return;
    }
    $parts = explode('\\', $class);
    $name = array_pop($parts);
    for ($from = 1; $from <= min(2, count($parts)); $from++) {
        $path = implode('/', [...array_slice($parts, $from), $name]);
        $file = dirname(__DIR__)."/code/$path.php";
        if (is_file($file)) {
            break;
        }
        $file = null;
    }
    if (empty($file)) {
        return;
    }
    $source = file_get_contents($file);
    if (preg_match('/^enum /m', $source)) {
        require $file;
        return;
    }
    $kind = preg_match('/^(trait|interface) /m', $source, $found) ? $found[1] : 'class';
    $value = '(?:\'(?:[^\'\\\\]|\\\\.)*\'|"(?:[^"\\\\]|\\\\.)*"|[^;\'"])*;';
    $named = '(?:table|primaryKey|keyType|incrementing|timestamps)';
    preg_match_all('/^ *(?:(?:public|protected|private|final) )*const '.$value
        .'|^ *(?:public|protected) \??\w* ?\$'.$named.' ?='.$value.'/m',
        $kind === 'class' ? $source : '', $lines);
    $parent = $kind === 'class' ? ' extends \Illuminate\Database\Eloquent\Model' : '';
    $body = str_replace('private ', '', implode("\n", $lines[0]));
    foreach (['HasUuids', 'HasUlids'] as $trait) {
        $uses = $kind === 'class' && preg_match("/^ +use [^;]*\b$trait\b/m", $source);
        $body .= $uses ? " use \Illuminate\Database\Eloquent\Concerns\\$trait;" : '';
    }
    $space = implode('\\', $parts);
    eval("namespace $space; $kind $name$parent { $body }");
});
"""
PROVIDERS = ("Auth\\Auth", "Cookie\\Cookie", "Hashing\\Hash", "Mail\\Mail",
             "Notifications\\Notification", "Pagination\\Pagination", "Pipeline\\Pipeline",
             "Redis\\Redis", "Session\\Session")  # fmt: skip
LOADS = r"""
require 'vendor/autoload.php';
$app = require 'bootstrap/app.php';
Illuminate\Support\Facades\Facade::setFacadeApplication($app);
foreach (explode("\0", stream_get_contents(STDIN)) as $name) {
    $sign = '-';
    try {
        $sign = is_array((static function () use ($argv, $name) {
            return require $argv[1]."/$name";
        })()) ? '+' : '-';
    } catch (Throwable $e) {
    }
    echo "$sign$name\0";
}
"""
# Notes each statement of a migration that took effect, and ends the process after one of them.
NOTES = r"""
        $noting = storage_path('framework/noting');
        if (is_file($noting)) {
            $stop = json_decode(file_get_contents($noting), true);
            $now = ['', 0];
            $this->app['events']->listen(\Illuminate\Database\Events\MigrationStarted::class,
                function ($event) use (&$now) {
                    $file = (new \ReflectionObject($event->migration))->getFileName();
                    $now = [basename($file, '.php'), 0];
                });
            $this->app['events']->listen(\Illuminate\Database\Events\MigrationEnded::class,
                function () use (&$now) { $now = ['', 0]; });
            $this->app['db']->listen(function ($query) use (&$now, $stop) {
                $reads = preg_match('/^\s*\(?\s*(select|show|explain)\b/i', $query->sql);
                if ($now[0] === '' || $reads) {
                    return;
                }
                $values = $query->connection->prepareBindings($query->bindings);
                $line = json_encode([$now[0], $query->sql, $values], JSON_INVALID_UTF8_SUBSTITUTE);
                file_put_contents(storage_path('framework/noted'), "$line\n", FILE_APPEND);
                if (++$now[1] === $stop[1] && $now[0] === $stop[0]) {
                    exit(9);
                }
            });
        }
"""


def stand_in(app, folder: Path) -> None:
    """Give the sandbox what stands in for the application's own code."""
    place = Path(app.app)
    for name in ("app", "src"):
        if (folder / name).is_dir():
            shutil.copytree(folder / name, place / "code", ignore=_not_php)
            break
    autoload = place / "vendor" / "autoload.php"
    autoload.write_text(autoload.read_text("utf-8") + STANDS_IN, "utf-8")
    provider = place / "app" / "Providers" / "AppServiceProvider.php"
    text = provider.read_text("utf-8")
    head = "public function boot(): void\n    {"
    provider.write_text(text.replace(head, head + NOTES), "utf-8")
    settings = place / "config"
    known = settings / "app.php"
    more = "".join(f"Illuminate\\{name}ServiceProvider::class,\n" for name in PROVIDERS)
    head = "'providers' => ["
    known.write_text(known.read_text("utf-8").replace(head, f"{head}\n{more}"), "utf-8")
    source = folder / "config"
    others = [one.name for one in source.glob("*.php") if not (settings / one.name).exists()]
    for name in settings_that_load(app, source, others):
        shutil.copyfile(source / name, settings / name)


def settings_that_load(app, source: Path, names: list[str]) -> list[str]:
    """Return those of the application's settings that need nothing that is not there."""
    found: list[str] = []
    left = sorted(names)
    while left:
        told = subprocess.run(
            [app.php, "-d", "display_errors=0", "-r", LOADS, str(source)],
            input="\0".join(left),
            capture_output=True,
            text=True,
            cwd=app.app,
            check=False,
        ).stdout.split("\0")
        found += [name[1:] for name in told if name.startswith("+")]
        # What ends PHP is tried and not found.
        left = left[max(len(told) - 1, 1) :]
    return found


def _not_php(folder: str, names: list[str]) -> list[str]:
    kept = [name for name in names if name.endswith(".php") or Path(folder, name).is_dir()]
    return [name for name in names if name not in kept]
