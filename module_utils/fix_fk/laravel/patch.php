<?php
// Changes the source of a Laravel migration where PHP's own tokens say. Written for PHP 7.3 and later.
//
// Takes {descriptor, source, edits} and tells {source, lines} (the source with all edits made, and the
// line of each) or {refused: {edit, why, lines}}. An edit is one of
//
// free     {table, to, statement, keys}: before up() renames the table, its keys are dropped; where
//          down() renames it back, they are added again behind that. statement: the SQL that renames.
// name     {kind, table, columns, old, new, statement, takes_name}: what has the name `old`, or a
//          generated one where that is null, gets the name `new`, in down() as well. kind: foreign,
//          unique or index; takes_name: whether this Laravel's constrained() does.
// unindex  {table, columns}: index() is taken from a foreign key, of which it is the name.
final class FixFkPatch
{
    private $source;
    private $newline;
    /** [id, text, line, offset] of all tokens. */
    private $all = [];
    /** The same without blanks and comments. */
    private $tokens = [];
    private $changes = [];
    private $lines = [];

    public function __construct($source)
    {
        $this->source = $source;
        $this->newline = strpos($source, "\r\n") === false ? "\n" : "\r\n";
        $offset = 0;
        $line = 1;
        foreach (token_get_all($source, TOKEN_PARSE) as $token) {
            list($id, $text) = is_array($token) ? $token : [null, $token];
            $one = [$id, $text, $line, $offset];
            $this->all[] = $one;
            if (! in_array($id, [T_WHITESPACE, T_COMMENT, T_DOC_COMMENT], true)) {
                $this->tokens[] = $one;
            }
            $offset += strlen($text);
            $line += substr_count($text, "\n");
        }
    }

    public function edit(array $edits)
    {
        foreach ($edits as $number => $edit) {
            try {
                $this->{$edit['do']}($edit);
            } catch (FixFkNoPlace $e) {
                return ['refused' => ['edit' => $number, 'why' => $e->getMessage(), 'lines' => $e->lines]];
            }
        }
        usort($this->changes, function ($one, $other) {
            return $other[0] - $one[0];
        });
        $source = $this->source;
        foreach ($this->changes as list($offset, $length, $text)) {
            $source = substr_replace($source, $text, $offset, $length);
        }
        return ['source' => $source, 'lines' => $this->lines];
    }

    // --- the edits ----------------------------------------------------------------------------

    private function free(array $edit)
    {
        $range = $this->body('up');
        $place = $this->rename($range, $edit['table'], $edit['to'], $edit['statement']);
        if (! $place) {
            $lines = $this->renames();
            throw new FixFkNoPlace("the table's names are not written out where it is renamed, or that "
                .'is not in up() itself', $lines);
        }
        list($first) = $this->statement($place['at']);
        $this->refuseBlockless($first);
        $this->lines[] = $this->tokens[$first][2];
        $why = $edit['why'] ? "// {$edit['why']}" : '';
        $dropped = array_map(function ($key) use ($place, $edit) {
            return $place['raw']
                ? "DB::statement('alter table `{$edit['table']}` drop foreign key `{$key['name']}`');"
                : '$table->dropForeign('.$this->shown($key['generated'] ? $key['columns'] : $key['name']).');';
        }, $edit['keys']);
        $this->before($first, $this->wrapped($place, $edit['table'], $dropped, $why));
        $this->putBack($edit);
    }

    /** Where down() gives the table its name back, it gets its keys back. */
    private function putBack(array $edit)
    {
        $range = $this->body('down', false);
        $place = $range && $edit['back'] !== null
            ? $this->rename($range, $edit['to'], $edit['table'], $edit['back']) : null;
        if (! $place) {
            return;
        }
        list($first, $last) = $this->statement($place['at']);
        $unit = $this->unit();
        $added = array_map(function ($key) use ($place, $edit, $unit) {
            $rules = array_filter([
                'onDelete' => $key['on_delete'], 'onUpdate' => $key['on_update'],
            ]);
            if ($place['raw']) {
                $names = function (array $columns) {
                    return '`'.implode('`, `', $columns).'`';
                };
                $sql = "alter table `{$edit['table']}` add constraint `{$key['name']}` foreign key ("
                    .$names($key['columns']).") references `{$key['prefixed']}` ("
                    .$names($key['referenced_columns']).')';
                foreach ($rules as $rule => $word) {
                    $sql .= ($rule === 'onDelete' ? ' on delete ' : ' on update ').strtolower($word);
                }
                return "DB::statement('$sql');";
            }
            $columns = $this->shown(count($key['columns']) > 1 ? $key['columns'] : $key['columns'][0]);
            $name = $key['generated'] ? '' : ', '.$this->shown($key['name']);
            $referenced = $key['referenced_columns'];
            $text = "\$table->foreign($columns$name)\n{$unit}->references("
                .$this->shown(count($referenced) > 1 ? $referenced : $referenced[0])
                .')->on('.$this->shown($key['referenced_table']).')';
            foreach ($rules as $rule => $word) {
                $text .= "->$rule(".$this->shown(strtolower($word)).')';
            }
            return "$text;";
        }, $edit['keys']);
        $this->after($first, $last, $this->wrapped($place, $edit['table'], $added, ''));
    }

    private function name(array $edit)
    {
        $done = $edit['old'] === null
            ? $this->nameGenerated($edit) : $this->renameWritten($edit);
        if ($done === null) {
            throw new FixFkNoPlace(
                $edit['old'] === null
                    ? 'its columns are not written out there, or not in up() itself'
                    : "the name {$edit['old']} is not written out in up() itself, or more than once",
                $this->called(['foreign', 'constrained', 'unique', 'index'])
            );
        }
        $this->lines[] = $done;
        $down = $this->body('down', false);
        $drops = ['foreign' => 'dropForeign', 'unique' => 'dropUnique', 'index' => 'dropIndex'];
        foreach ($down ? $this->calls($down, [$drops[$edit['kind']]]) : [] as $call) {
            $given = $call['arguments'][0] ?? null;
            $is = $given && ($edit['old'] === null ? $this->names($given) === $edit['columns']
                : $this->isName($given, $edit['old']));
            if ($is && $this->isIn($call['at'], $down, $edit['table'])) {
                $this->replace($given[0], end($given), $this->shown($edit['new']));
            }
        }
    }

    /** Give another name to what is named in the source; return the line, or null. */
    private function renameWritten(array $edit)
    {
        $range = $this->body('up');
        $found = [];
        foreach ($this->calls($range, [$edit['kind'], 'constrained', 'name', 'index']) as $call) {
            foreach ($call['arguments'] as $given) {
                $own = $call['name'] !== 'index' || $edit['kind'] !== 'foreign' || ! $this->isColumn($call);
                if ($own && $this->isName($given, $edit['old'])
                    && $this->isIn($call['at'], $range, $edit['table'])) {
                    $found[] = end($given);
                }
            }
        }
        $found = array_values(array_unique($found));
        if (count($found) === 1) {
            $quote = $this->tokens[$found[0]][1][0];
            $this->replace($found[0], $found[0], $quote.addcslashes($edit['new'], $quote.'\\').$quote);
            return $this->tokens[$found[0]][2];
        }
        $literal = $found ? null : $this->sql($range, $edit['statement']);
        if ($literal === null) {
            return null;
        }
        $pattern = '/(?<![\w$])'.preg_quote($edit['old'], '/').'(?![\w$])/iu';
        $text = preg_replace($pattern, $edit['new'], $this->tokens[$literal][1], -1, $count);
        if ($count !== 1) {
            return null;
        }
        $this->replace($literal, $literal, $text);
        return $this->tokens[$literal][2];
    }

    /** Give a name to what has a generated one; return the line, or null. */
    private function nameGenerated(array $edit)
    {
        $range = $this->body('up');
        $found = [];
        foreach ($this->calls($range, [$edit['kind'], 'constrained']) as $call) {
            if (! $this->isIn($call['at'], $range, $edit['table'])) {
                continue;
            }
            $given = $call['arguments'];
            $new = $this->shown($edit['new']);
            if ($call['name'] !== 'constrained' && count($given) === 1
                && $this->names($given[0]) === $edit['columns']) {
                $found[] = [$call, ", $new"];
            } elseif (count($edit['columns']) === 1 && $this->isColumn($call)
                && $this->column($call) === $edit['columns'][0]) {
                if ($call['name'] === 'constrained' && count($given) < 3) {
                    if (! $edit['takes_name']) {
                        throw new FixFkNoPlace(
                            'constrained() takes no name in this Laravel: foreign() does',
                            [$this->tokens[$call['at']][2]]
                        );
                    }
                    $found[] = [$call, ($given ? ', ' : '')."indexName: $new"];
                } elseif ($call['name'] !== 'constrained' && ! $given) {
                    $found[] = [$call, $new];
                }
            }
        }
        if (count($found) !== 1) {
            return null;
        }
        list($call, $text) = $found[0];
        $last = $call['arguments'] ? end($call['arguments']) : null;
        $behind = $this->tokens[$last ? end($last) : $call['open']];
        $this->changes[] = [$behind[3] + strlen($behind[1]), 0, $text];
        return $this->tokens[$call['at']][2];
    }

    private function unindex(array $edit)
    {
        $range = $this->body('up');
        $found = [];
        foreach ($this->calls($range, ['index']) as $call) {
            if ($call['arguments'] || ! $this->isIn($call['at'], $range, $edit['table'])) {
                continue;
            }
            foreach ($this->chain($call['at']) as $other) {
                if (($other['name'] === 'foreign'
                    && $this->names($other['arguments'][0] ?? []) === $edit['columns'])
                    || ($other['name'] === 'constrained' && $other['at'] < $call['at']
                        && [$this->column($other)] === $edit['columns'])) {
                    $found[] = $call;
                }
            }
        }
        if (count($found) !== 1) {
            throw new FixFkNoPlace('the foreign key with index() is not written out in up() itself',
                $this->called(['foreign', 'constrained']));
        }
        $call = $found[0];
        $arrow = $this->tokens[$call['at'] - 1];
        $before = $this->tokens[$call['at'] - 2];
        $from = $before[3] + strlen($before[1]);
        $end = $this->tokens[$call['close']];
        $this->changes[] = [$from, $end[3] + 1 - $from, ''];
        $this->lines[] = $arrow[2];
    }

    // --- where things are ---------------------------------------------------------------------

    /** The first and last token within the braces of a method; the file has to have one of it. */
    private function body($method, $needed = true)
    {
        $found = [];
        foreach ($this->tokens as $at => $token) {
            if ($token[0] === T_FUNCTION && strtolower($this->tokens[$at + 1][1] ?? '') === $method) {
                for ($in = $at; $this->tokens[$in][1] !== '{'; $in++);
                $found[] = [$in + 1, $this->partner($in) - 1];
            }
        }
        if (count($found) !== 1) {
            if ($needed) {
                throw new FixFkNoPlace("the file has no $method() of its own", []);
            }
            return null;
        }
        return $found[0];
    }

    /** The token that closes a bracket. */
    private function partner($open)
    {
        for ($depth = 0, $at = $open; isset($this->tokens[$at]); $at++) {
            $depth += $this->step($this->tokens[$at]);
            if ($depth === 0) {
                return $at;
            }
        }
        throw new FixFkNoPlace('a bracket is not closed', [$this->tokens[$open][2]]);
    }

    private function step(array $token)
    {
        $opens = in_array($token[0], [T_CURLY_OPEN, T_DOLLAR_OPEN_CURLY_BRACES], true)
            || ($token[0] === null && in_array($token[1], ['(', '[', '{'], true))
            || (defined('T_ATTRIBUTE') && $token[0] === T_ATTRIBUTE);
        $closes = $token[0] === null && in_array($token[1], [')', ']', '}'], true);
        return $opens ? 1 : ($closes ? -1 : 0);
    }

    /** Calls of functions or methods of these names, with their arguments as lists of tokens. */
    private function calls(array $range, array $names)
    {
        $found = [];
        for ($at = $range[0]; $at <= $range[1]; $at++) {
            list($id, $text) = $this->tokens[$at];
            if ($id === T_STRING && in_array($text, $names, true)
                && $this->tokens[$at + 1][1] === '(') {
                $close = $this->partner($at + 1);
                $found[] = ['at' => $at, 'name' => $text, 'open' => $at + 1, 'close' => $close,
                    'arguments' => $this->arguments($at + 2, $close - 1)];
            }
        }
        return $found;
    }

    private function arguments($first, $last)
    {
        $found = [];
        $one = [];
        for ($depth = 0, $at = $first; $at <= $last; $at++) {
            $depth += $this->step($this->tokens[$at]);
            if ($depth === 0 && $this->tokens[$at][1] === ',') {
                $found[] = $one;
                $one = [];
            } else {
                $one[] = $at;
            }
        }
        return $one ? array_merge($found, [$one]) : $found;
    }

    /** What a literal says, else null. */
    private function text(array $tokens)
    {
        if (count($tokens) === 3 && $this->tokens[$tokens[0]][0] === T_STRING
            && $this->tokens[$tokens[1]][1] === ':') {
            $tokens = [$tokens[2]];
        }
        if (count($tokens) !== 1 || $this->tokens[$tokens[0]][0] !== T_CONSTANT_ENCAPSED_STRING) {
            return null;
        }
        $text = $this->tokens[$tokens[0]][1];
        return $text[0] === '"' ? stripcslashes(substr($text, 1, -1))
            : str_replace(["\\'", '\\\\'], ["'", '\\'], substr($text, 1, -1));
    }

    /** The texts of a literal or of an array of them, else null. */
    private function names(array $tokens)
    {
        $one = $this->text($tokens);
        if ($one !== null) {
            return [$one];
        }
        $first = $this->tokens[$tokens[0] ?? -1][1] ?? '';
        if ($first !== '[' && strtolower($first) !== 'array') {
            return null;
        }
        $from = $first === '[' ? 1 : 2;
        $found = [];
        foreach ($this->arguments($tokens[$from] ?? 0, end($tokens) - 1) as $argument) {
            $found[] = $this->text($argument);
        }
        return in_array(null, $found, true) ? null : $found;
    }

    private function isName(array $tokens, $name)
    {
        $text = $this->text($tokens);
        return $text !== null && mb_strtolower($text, 'UTF-8') === mb_strtolower($name, 'UTF-8');
    }

    /** Whether a token is within a create() or table() of this table. */
    private function isIn($at, array $range, $table)
    {
        foreach ($this->calls($range, ['create', 'table']) as $call) {
            if ($call['at'] < $at && $at < $call['close']
                && $this->text($call['arguments'][0] ?? []) === $table) {
                return true;
            }
        }
        return false;
    }

    /** The calls of the statement that a token is in. */
    private function chain($at)
    {
        list($first, $last) = $this->statement($at);
        $names = [];
        for ($in = $first; $in <= $last; $in++) {
            $this->tokens[$in][0] === T_STRING && $names[] = $this->tokens[$in][1];
        }
        return $this->calls([$first, $last], $names);
    }

    /** Whether a call goes on from one that makes a column. */
    private function isColumn(array $call)
    {
        return $this->column($call) !== null;
    }

    private function column(array $call)
    {
        $calls = $this->chain($call['at']);
        $first = $calls[0] ?? null;
        return $first && $first['at'] < $call['at'] && $first['name'] !== 'foreign'
            ? $this->text($first['arguments'][0] ?? []) : null;
    }

    /** The first and the last token of the innermost statement around a token. */
    private function statement($at)
    {
        for ($depth = 0, $first = $at; $first > 0; $first--) {
            $before = $this->tokens[$first - 1];
            if ($depth === 0 && ($before[0] === T_OPEN_TAG
                || in_array($before[1], [';', '{', '}'], true))) {
                break;
            }
            $depth = max(0, $depth - $this->step($before));
        }
        for ($depth = 0, $last = $first; isset($this->tokens[$last]); $last++) {
            $depth += $this->step($this->tokens[$last]);
            if ($depth === 0 && $this->tokens[$last][1] === ';') {
                return [$first, $last];
            }
            if ($depth < 0) {
                return [$first, $last - 1];
            }
        }
        return [$first, $last - 1];
    }

    private function refuseBlockless($first)
    {
        static $heads = [T_IF, T_ELSE, T_ELSEIF, T_FOR, T_FOREACH, T_WHILE, T_DO, T_SWITCH, T_CASE,
            T_DEFAULT, T_TRY];
        if (in_array($this->tokens[$first][0], $heads, true)) {
            throw new FixFkNoPlace('it is under a condition or in a loop without braces',
                [$this->tokens[$first][2]]);
        }
    }

    /** Where a table gets a name: {at: a token of the statement, head: "Schema::", raw}, or null. */
    private function rename(array $range, $from, $to, $statement)
    {
        $found = [];
        foreach ($this->calls($range, ['rename']) as $call) {
            $given = array_map([$this, 'text'], $call['arguments']);
            if ($given === [$from, $to]) {
                list($first) = $this->statement($call['at']);
                $found[] = ['at' => $first, 'head' => $this->head($first, $call['at']), 'raw' => false];
            }
            foreach ($given === [$to] ? $this->calls($range, ['table']) : [] as $outer) {
                if ($outer['at'] < $call['at'] && $call['at'] < $outer['close']
                    && $this->text($outer['arguments'][0] ?? []) === $from) {
                    list($first) = $this->statement($outer['at']);
                    $head = $this->head($first, $outer['at']);
                    $found[] = ['at' => $first, 'head' => $head, 'raw' => false];
                }
            }
        }
        $literal = $statement ? $this->sql($range, $statement) : null;
        if (! $found && $literal !== null) {
            $found[] = ['at' => $literal, 'head' => '', 'raw' => true];
        }
        return count($found) === 1 ? $found[0] : null;
    }

    /** What is before a call in its statement, where that is only who is called. */
    private function head($first, $at)
    {
        $from = $this->tokens[$first][3];
        $text = substr($this->source, $from, $this->tokens[$at][3] - $from);
        return preg_match('/^[\w\\\\]+::(connection\([^()]*\)->)?$/', $text) ? $text : 'Schema::';
    }

    /** The only literal that says this SQL, else null. */
    private function sql(array $range, $statement)
    {
        $bare = function ($text) {
            return rtrim(preg_replace('/\s+/', ' ', trim($text)), '; ');
        };
        $found = [];
        for ($at = $range[0]; $at <= $range[1]; $at++) {
            $text = $this->text([$at]);
            if ($text !== null && $statement !== '' && $bare($text) === $bare($statement)) {
                $found[] = $at;
            }
        }
        return count($found) === 1 ? $found[0] : null;
    }

    /** The lines at which something is renamed. */
    private function renames()
    {
        $lines = $this->called(['rename']);
        foreach ($this->tokens as $token) {
            if (in_array($token[0], [T_CONSTANT_ENCAPSED_STRING, T_ENCAPSED_AND_WHITESPACE], true)
                && preg_match('/\brename\b/i', $token[1])) {
                $lines[] = $token[2];
            }
        }
        return array_values(array_unique($lines));
    }

    private function called(array $names)
    {
        return array_values(array_unique(array_map(function ($call) {
            return $this->tokens[$call['at']][2];
        }, $this->calls([0, count($this->tokens) - 2], $names))));
    }

    // --- how it is written --------------------------------------------------------------------

    /** A name, or a list of them, as PHP source. */
    private function shown($value)
    {
        if (is_array($value)) {
            return '['.implode(', ', array_map([$this, 'shown'], $value)).']';
        }
        return "'".addcslashes($value, "'\\")."'";
    }

    /** Statements about a table, as the file writes them. */
    private function wrapped(array $place, $table, array $statements, $comment)
    {
        $lines = $comment ? [$comment] : [];
        if ($place['raw']) {
            return array_merge($lines, $statements);
        }
        list($opening, $brace) = $this->closure();
        $open = $place['head'].'table('.$this->shown($table).", $opening";
        $lines = array_merge($lines, $brace === ' {' ? ["$open {"] : [$open, '{']);
        foreach ($statements as $statement) {
            foreach (explode("\n", $statement) as $line) {
                $lines[] = $this->unit().$line;
            }
        }
        return array_merge($lines, ['});']);
    }

    /** How the file begins a closure that takes a table, and where it puts the brace. */
    private function closure()
    {
        foreach ($this->calls([0, count($this->tokens) - 2], ['create', 'table']) as $call) {
            $given = $call['arguments'][1] ?? null;
            if (! $given) {
                continue;
            }
            $words = [];
            foreach ($given as $at) {
                if ($this->tokens[$at][1] === '{') {
                    break;
                }
                $words[] = $at;
            }
            $whole = substr($this->source, $this->tokens[$words[0]][3],
                $this->tokens[end($words)][3] + 1 - $this->tokens[$words[0]][3]);
            if (isset($at) && $this->tokens[$at][1] === '{'
                && preg_match('/^(static )?function ?\(([\w\\\\]+ )?\$table\)$/', $whole)) {
                $between = $this->tokens[end($words)][3] + 1;
                $gap = substr($this->source, $between, $this->tokens[$at][3] - $between);
                return [$whole, strpos($gap, "\n") === false ? ' {' : 'below'];
            }
        }
        $imported = preg_match('/^use Illuminate\\\\Database\\\\Schema\\\\Blueprint;/m', $this->source);
        return [$imported ? 'function (Blueprint $table)' : 'function ($table)', ' {'];
    }

    /** One step of indentation. */
    private function unit()
    {
        foreach ($this->tokens as $at => $token) {
            if ($token[0] === T_FUNCTION && strtolower($this->tokens[$at + 1][1] ?? '') === 'up') {
                $line = $this->indent($token[3]);
                return $line === '' ? '    ' : $line;
            }
        }
        return '    ';
    }

    /** The blanks with which the line of an offset begins. */
    private function indent($offset)
    {
        $start = strrpos(substr($this->source, 0, $offset), "\n");
        $start = $start === false ? 0 : $start + 1;
        preg_match('/\G[ \t]*/', $this->source, $found, 0, $start);
        return $found[0];
    }

    private function before($first, array $lines)
    {
        $offset = $this->tokens[$first][3];
        $indent = $this->indent($offset);
        // What is said right above the statement is about it.
        $start = strrpos(substr($this->source, 0, $offset), "\n");
        $own = trim(substr($this->source, (int) $start, $offset - (int) $start)) === '';
        if ($own) {
            $offset = $this->aboveComments($first);
        }
        $text = implode($this->newline.$indent, str_replace("\n", $this->newline, $lines));
        $this->changes[] = [$offset, 0, $text.str_repeat($this->newline, 2).$indent];
    }

    private function after($first, $last, array $lines)
    {
        $token = $this->tokens[$last];
        $indent = $this->indent($this->tokens[$first][3]);
        $text = implode($this->newline.$indent, $lines);
        $this->changes[] = [
            $token[3] + strlen($token[1]), 0, str_repeat($this->newline, 2).$indent.$text,
        ];
    }

    /** The offset of a statement with the comments right above it. */
    private function aboveComments($first)
    {
        $offset = $this->tokens[$first][3];
        $place = null;
        foreach ($this->all as $at => $token) {
            if ($token[3] === $offset) {
                $place = $at;
            }
        }
        for ($at = $place - 1; $at > 0; $at--) {
            list($id, $text, , $begin) = $this->all[$at];
            if (in_array($id, [T_COMMENT, T_DOC_COMMENT], true)) {
                $line = strrpos(substr($this->source, 0, $begin), "\n");
                if (trim(substr($this->source, (int) $line, $begin - (int) $line)) !== '') {
                    break;
                }
                $offset = $begin;
            } elseif ($id !== T_WHITESPACE || substr_count($text, "\n") > 1) {
                break;
            }
        }
        return $offset;
    }

    private function replace($first, $last, $text)
    {
        list(, $end, , $to) = $this->tokens[$last];
        $from = $this->tokens[$first][3];
        $this->changes[] = [$from, $to + strlen($end) - $from, $text];
    }
}

final class FixFkNoPlace extends Exception
{
    public $lines;

    public function __construct($why, array $lines)
    {
        parent::__construct($why);
        $this->lines = $lines;
    }
}

(function (array $request) {
    try {
        $answer = (new FixFkPatch($request['source']))->edit($request['edits']);
    } catch (Throwable $e) {
        $answer = ['refused' => ['edit' => 0, 'why' => $e->getMessage(), 'lines' => [$e->getLine()]]];
    }
    $flags = JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE;
    fwrite(fopen('php://fd/'.$request['descriptor'], 'w'), json_encode($answer, $flags)."\n");
})(json_decode(base64_decode('@REQUEST@'), true));
