# SPDX-License-Identifier: GPL-3.0-or-later
"""As Laravel writes it; and what applications send every day, of which nothing is to be said."""

from __future__ import annotations

from .shared import HERE, cols

CASES = {
    "php1364": (1364, "DB::table('s')->insert(['nama' => 'x']);"),
    "php1048": (1048, "DB::table('s')->insert(['nama' => 'a?', 'wajib' => null]);"),
    "php1452": (1452, "DB::table('c')->insert(['p_id' => 99]);"),
    "php1062": (1062, "DB::table('p')->insert(['u' => \"b\"]);"),
    "phpinsert": (None, "DB::table('p')->insert([['u' => \"it's ?\"], ['u' => 'q']]);"),
    "php1054": (1054, "DB::table('s')->insert(['tiada' => 1]);"),
    "php1451": (1451, "DB::table('p')->where('id', 1)->delete();"),
    "phpdelete": (None, "DB::table('p')->where('id', 2)->delete();"),
    "php1048b": (1048, "DB::table('s')->where('id', '>', 1)->update(['wajib' => null]);"),
    "phpgetid": (None,
        "$id = DB::table('p')->insertGetId(['u' => 'baru']);",
        "DB::table('c')->insert(['p_id' => $id]);"),
    "phpgetidnull": (None,
        "Schema::table('c', function (Blueprint $t) { $t->integer('w'); });",
        "$id = DB::table('p')->insertGetId(['u' => 'baru']);",
        "DB::table('c')->insert(['p_id' => 1, 'w' => $id]);"),
    "phpupdate": (None, "DB::table('s')->where('id', '>', 9)->update(['wajib' => null]);"),
    "phpempty": (1064, "Schema::create('b', function (Blueprint $t) { });"),
    "php1059": (1059,
        "Schema::table('s', function (Blueprint $t) {"
        " $t->string('a_column_that_is_quite_long'); $t->unique(['nama', 'tanggal',"
        " 'harga', 'wajib', 'n', 'id', 'a_column_that_is_quite_long']); });"),
    "phpjson": ((None, 1101),
        "Schema::table('s', function (Blueprint $t) {  $t->json('j')->default('[]'); });"),
    "phptext": ((None, 1101),
        "Schema::table('s', function (Blueprint $t) {  $t->text('j')->default(''); });"),
    "phpstamp": (None,
        "Schema::table('s', function (Blueprint $t) {  $t->timestamp('t')->nullable();"
        " $t->timestamps(); });"),
    "phpdate": (1292, "Schema::table('s', function (Blueprint $t) {  $t->date('t'); });"),
    "phpdatenull": (None,
        "Schema::table('s', function (Blueprint $t) {  $t->date('t')->nullable(); });"),
    "phpenum": (1067,
        "Schema::table('s', function (Blueprint $t) {  $t->enum('e', ['a',"
        " 'b'])->default('c'); });"),
    "phpbool": (None,
        "Schema::table('s', function (Blueprint $t) {  $t->boolean('e')->default(false); });"),
    "phpauto": ((1068, 1075),
        "Schema::create('b', function (Blueprint $t) { $t->id();"
        " $t->string('kode')->primary(); });"),
    "phptwo": (1075,
        "Schema::create('b', function (Blueprint $t) { $t->id(); $t->bigIncrements('kode'); });"),
    "phpthree": (1075,
        "Schema::table('s', function (Blueprint $t) {  $t->bigIncrements('kode'); });"),
    "phpindex": ((None, 1170),
        "Schema::create('b', function (Blueprint $t) { $t->id(); $t->text('kode')->index(); });"),
    "phplong": ((1071, 1071),
        "Schema::create('b', function (Blueprint $t) { $t->id(); $t->string('a', 500);"
        " $t->string('b', 500); $t->index(['a', 'b']); });"),
    "phpafter": (1054,
        "Schema::table('s', function (Blueprint $t) {  $t->string('e')->after('tiada'); });"),
    "phpusual": (None,
        "Schema::create('b', function (Blueprint $t) { $t->id(); $t->string('nama');"
        " $t->text('isi')->nullable(); $t->json('data')->nullable();"
        " $t->decimal('harga', 15, 2)->default(0); $t->enum('e', ['a',"
        " 'b'])->default('a');"
        " $t->foreignId('p_id')->constrained('p')->cascadeOnDelete(); $t->timestamps();"
        " $t->softDeletes(); $t->unique(['nama', 'e']); $t->index('harga');"
        " $t->boolean('aktif')->default(true); $t->date('d')->nullable(); $t->uuid('u'); });",
        "DB::table('b')->insert(['nama' => 'x', 'p_id' => 1, 'u' => 'y', 'e' => 'b']);"),
    "dayusers": (None,
        "Schema::create('b', function (Blueprint $t) { $t->id(); $t->string('name');"
        " $t->string('email')->unique(); $t->timestamp('email_verified_at')->nullable();"
        " $t->string('password'); $t->rememberToken(); $t->timestamps(); });",
        "DB::table('b')->insert(['name' => 'Siti', 'email' => 'a@b.c', 'password' =>"
        " '$2y$10$x']);",
        "DB::table('b')->where('email', 'a@b.c')->update(['name' => 'Ani',"
        " 'remember_token' => null]);"),
    "dayjobs": (None,
        "Schema::create('b', function (Blueprint $t) { $t->bigIncrements('id');"
        " $t->string('queue')->index(); $t->longText('payload');"
        " $t->unsignedTinyInteger('attempts');"
        " $t->unsignedInteger('reserved_at')->nullable();"
        " $t->unsignedInteger('available_at'); $t->unsignedInteger('created_at'); });"),
    "daytokens": (None,
        "Schema::create('b', function (Blueprint $t) { $t->id();"
        " $t->morphs('tokenable'); $t->string('name'); $t->string('token',"
        " 64)->unique(); $t->text('abilities')->nullable();"
        " $t->timestamp('last_used_at')->nullable(); $t->timestamps(); });"),
    "daynotices": (None,
        "Schema::create('b', function (Blueprint $t) { $t->uuid('id')->primary();"
        " $t->string('type'); $t->morphs('notifiable'); $t->text('data');"
        " $t->timestamp('read_at')->nullable(); $t->timestamps(); });"),
    "daysessions": (None,
        "Schema::create('b', function (Blueprint $t) { $t->string('id')->primary();"
        " $t->foreignId('user_id')->nullable()->index(); $t->string('ip_address',"
        " 45)->nullable(); $t->text('user_agent')->nullable(); $t->longText('payload');"
        " $t->integer('last_activity')->index(); });"),
    "dayroles": (None,
        "Schema::create('b', function (Blueprint $t) {"
        " $t->unsignedBigInteger('permission_id'); $t->string('model_type');"
        " $t->unsignedBigInteger('model_id'); $t->index(['model_id', 'model_type'],"
        " 'b_index');"
        " $t->foreign('permission_id')->references('id')->on('p')->onDelete('cascade');"
        " $t->primary(['permission_id', 'model_id', 'model_type'], 'b_primary'); });",
        "DB::table('b')->insert([['permission_id' => 1, 'model_type' => 'User',"
        " 'model_id' => 1], ['permission_id' => 2, 'model_type' => 'User', 'model_id' => 1]]);"),
    "dayaside": (None,
        "CREATE TABLE b (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, nama"
        " VARCHAR(50))",
        "INSERT INTO b (id, nama) SELECT id, nama FROM s",
        "ALTER TABLE b ADD UNIQUE b_id (id)",
        "RENAME TABLE b TO s_new",
        "DROP VIEW IF EXISTS v",
        "CREATE VIEW v AS WITH x AS (SELECT id FROM s) SELECT * FROM x"),
    "dayfill": (None,
        "ALTER TABLE s ADD tahun INT NULL",
        "UPDATE s SET tahun = 2024",
        "ALTER TABLE s ADD catatan DATE NULL, ADD INDEX s_tahun (tahun)",
        "ALTER TABLE s DROP PRIMARY KEY, ADD PRIMARY KEY (id, wajib)",
        "ALTER TABLE s DROP INDEX s_tahun, ADD INDEX s_tahun (tahun, n)",
        "ALTER TABLE s CHANGE nama judul VARCHAR(50) NULL DEFAULT 'x' AFTER n",
        "UPDATE s SET judul = CONCAT(judul, '!') WHERE judul IS NOT NULL"),
    "dayswap": (None,
        "ALTER TABLE c DROP FOREIGN KEY c_fk",
        "ALTER TABLE c DROP COLUMN p_id",
        "ALTER TABLE c ADD p_id BIGINT UNSIGNED NULL",
        "UPDATE c SET p_id = 2",
        "ALTER TABLE c ADD CONSTRAINT c_fk FOREIGN KEY (p_id) REFERENCES p (id) ON"
        " DELETE SET NULL",
        "DELETE FROM p WHERE id = 1"),
    "daydecimal": (None,
        "ALTER TABLE s MODIFY harga DECIMAL(15,2) NOT NULL DEFAULT 0",
        "ALTER TABLE s MODIFY teks LONGTEXT NULL, MODIFY wajib BIGINT NOT NULL DEFAULT '1'",
        "INSERT INTO s (harga) VALUES ('1000000000.555'), (-1), ('12')"),
    "dayset": (None,
        "SET SESSION sql_mode = ''",
        "INSERT INTO s (nama) VALUES ('x')",
        "ALTER TABLE s ADD t DATE NOT NULL"),
    "phpchecks": (None,
        "Schema::disableForeignKeyConstraints();",
        "DB::table('c')->insert(['p_id' => 99]);",
        "Schema::enableForeignKeyConstraints();"),
    "phpchecksdrop": (None,
        "Schema::disableForeignKeyConstraints(); Schema::dropIfExists('p');"
        " Schema::enableForeignKeyConstraints();"),
    "phpcheckson": (1452,
        "Schema::disableForeignKeyConstraints(); Schema::enableForeignKeyConstraints();",
        "DB::table('c')->insert(['p_id' => 99]);"),
    "phpchecksorder": (None,
        "Schema::disableForeignKeyConstraints();",
        "Schema::create('b', function (Blueprint $t) { $t->id();"
        " $t->foreignId('later_id')->constrained('later'); });",
        "Schema::create('later', function (Blueprint $t) { $t->id(); });",
        "Schema::enableForeignKeyConstraints();"),
    "phpchecksname": ((1823, 1826),
        "Schema::disableForeignKeyConstraints();",
        "Schema::create('b', function (Blueprint $t) { $t->id(); $t->foreignId('p_id');"
        " $t->foreign('p_id', 'c_fk')->references('id')->on('p'); });"),
    "phpchecksorphans": (None,
        "INSERT INTO c VALUES (9, NULL)", "ALTER TABLE c ADD q BIGINT UNSIGNED NOT NULL DEFAULT 7",
        HERE,
        "Schema::disableForeignKeyConstraints();",
        "Schema::table('c', function (Blueprint $t) {"
        " $t->foreign('q', 'c_q')->references('id')->on('p'); });",
        "Schema::enableForeignKeyConstraints();"),
    "phptransaction": (1146,
        "DB::transaction(function () { DB::table('s')->insert(['wajib' => 1]);"
        " DB::table('none')->insert(['x' => 1]); });"),
    "phpnopk": ((None, 3750),
        "Schema::create('b', function (Blueprint $t) { $t->string('kode'); });"),
    "phpnopkafter": ((None, 3750),
        "Schema::create('b', function (Blueprint $t) { $t->string('kode'); });"
        " Schema::table('b', function (Blueprint $t) { $t->primary('kode'); });"),
    "phpstrictrow": (1118,
        f"CREATE TABLE b ({cols(60, 'CHAR(255)')}) CHARACTER SET latin1"),
}  # fmt: skip

# What an account of MySQL may only set with a right of its own, 1227 without it.
ON_MARIADB_ALONE = {
    "phpnopkoff": (1193,
        "DB::statement('SET SESSION sql_require_primary_key = 0');"
        " Schema::create('b', function (Blueprint $t) { $t->string('kode'); });"),
    "phplaxrow": (None,
        "DB::statement('SET SESSION innodb_strict_mode = 0');",
        f"CREATE TABLE b ({cols(60, 'CHAR(255)')}) CHARACTER SET latin1"),
}  # fmt: skip
