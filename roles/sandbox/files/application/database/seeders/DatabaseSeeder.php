<?php

namespace Database\Seeders;

use Illuminate\Database\Seeder;
use Illuminate\Support\Facades\DB;
use Illuminate\Support\Facades\Schema;

/**
 * Believable rows, the same ones every time: one fixed random sequence and no clock.
 */
class DatabaseSeeder extends Seeder
{
    private const FIRST = [
        'Ahmad', 'Siti', 'Muhammad', 'Nur', 'Andi', 'Dewi', 'Sri', 'Budi', 'Rina', 'Abdul',
        'Fitriani', 'Hasan', 'Aisyah', 'Rahmat', 'Yuliana', 'Baharuddin', 'Ratna', 'Syamsul',
        'Indah', 'La Ode', "Ma'ruf", 'Wahyuni', 'Irfan', 'Kartini', 'Zulkifli',
    ];

    private const LAST = [
        'Hidayat', 'Rahman', 'Saputra', 'Lestari', 'Wijaya', 'Nasution', 'Siregar', 'Pratama',
        'Harahap', 'Mappasessu', 'Kusuma', 'Amiruddin', 'Simanjuntak', 'Tenri Abeng', 'Hasanah',
        'Syarifuddin', "Nur'aini", 'Daeng Mattola', 'Setiawan', 'Permatasari', 'Arsyad', 'Utami',
    ];

    private const WORK = [
        'Menyusun laporan bulanan', 'Verifikasi berkas usulan', 'Rapat koordinasi unit',
        'Pendampingan madrasah', 'Input data EMIS', 'Pelayanan terpadu satu pintu',
        'Monitoring & evaluasi', 'Penyuluhan "Moderasi Beragama"', 'Arsip surat masuk\keluar',
        "Pembinaan penyuluh\nwilayah kepulauan", 'Rekonsiliasi anggaran 50%',
    ];

    private const NOTES = [
        null, null, null, 'Selesai tepat waktu 👍', 'Perlu tindak lanjut ⚠️', '',
        "Lokasi: Jl. Sam Ratulangi No. 5 — 'Aula'", 'Hujan deras 🌧️, dilanjutkan besok',
        'Terima kasih 🙏🏽 Bapak/Ibu', 'Capaian ≥ 90 %', 'Dikembalikan; mohon diperbaiki',
    ];

    public function run(): void
    {
        mt_srand(20260125);

        DB::transaction(function () {
            $this->people();
            $this->targets();
            $this->plans();
            $this->framework();
        });
    }

    private function people(): void
    {
        $this->fill('units', 24, fn (int $id) => [
            'id' => $id,
            'kode' => sprintf('KW-%03d', $id),
            'nama' => $id === 1 ? 'Kantor Wilayah' : "Seksi {$id} Kabupaten/Kota",
            'parent_id' => $id === 1 ? null : 1,
        ]);

        $this->fill('users', 300, fn (int $id) => [
            'id' => $id,
            'name' => $this->name(),
            'email' => "pegawai{$id}@example.id",
            'nip' => $id % 7 === 0 ? null : sprintf('1980%04d2005%06d', $id, $id),
            'jabatan' => $this->one([null, 'Analis Kepegawaian', 'Penyuluh', 'Kepala Seksi']),
            'email_verified_at' => $id % 5 === 0 ? null : $this->time($id),
            'password' => '$2y$10$'.str_pad((string) $id, 53, 'x'),
            'remember_token' => null,
            'unit_id' => $id % 11 === 0 ? null : 1 + $id % 24,
        ]);

        $this->fill('master_atasan', 280, fn (int $id) => [
            'id' => $id,
            'user_id' => $id + 20,
            'atasan_id' => 1 + $id % 20,
            'mulai' => '2024-01-02',
            'selesai' => $id % 9 === 0 ? '2025-06-30' : null,
        ]);
    }

    private function targets(): void
    {
        $this->fill('sasaran_kegiatan', 48, fn (int $id) => [
            'id' => $id,
            'unit_id' => 1 + $id % 24,
            'tahun' => $id % 2 === 0 ? 2024 : 2025,
            'sasaran' => "Meningkatnya mutu layanan keagamaan ke-{$id}",
        ]);

        $this->fill('indikator_kinerja', 144, fn (int $id) => [
            'id' => $id,
            'sasaran_kegiatan_id' => 1 + $id % 48,
            'indikator' => "Persentase {$this->one(self::WORK)}",
            'target' => mt_rand(5000, 10000) / 100,
            'satuan' => $this->one(['%', 'laporan', 'orang', 'kegiatan']),
        ]);
    }

    private function plans(): void
    {
        $this->fill('skp_tahunan', 500, function (int $id) {
            $approved = $id % 3 !== 0;

            return [
                'id' => $id,
                'user_id' => 21 + $id % 250,
                'approved_by' => $approved ? 1 + $id % 20 : null,
                'tahun' => $id <= 250 ? 2024 : 2025,
                'status' => $approved ? 'disetujui' : $this->one(['draf', 'diajukan']),
                'nilai' => $approved ? mt_rand(7000, 9900) / 100 : null,
                'catatan' => $this->one(self::NOTES),
                'approved_at' => $approved ? $this->time($id) : null,
            ];
        });

        $this->fill('skp_tahunan_detail', 1500, fn (int $id) => [
            'id' => $id,
            'skp_tahunan_id' => 1 + $id % 500,
            'indikator_kinerja_id' => $id % 5 === 0 ? null : 1 + $id % 144,
            'uraian' => $this->one(self::WORK),
            'target' => mt_rand(1, 40) * 2.5,
            'realisasi' => $id % 4 === 0 ? null : mt_rand(0, 10000) / 100,
        ]);

        // A constraint follows its table when a release renames that: on a schema built anew, the
        // monthly plans refer to the old table, and the application looks in the new one.
        $parent = $this->parentOf('rencana_aksi_bulanan', 'skp_tahunan_id');
        if ($parent !== 'skp_tahunan') {
            $this->copy('skp_tahunan', $parent);
        }

        $this->fill('rencana_aksi_bulanan', 1500, fn (int $id) => [
            'id' => $id,
            'skp_tahunan_id' => 251 + $id % 250,
            'bulan' => 1 + intdiv($id - 1, 250),
            'rencana' => $this->one(self::WORK),
            'target' => mt_rand(1, 30),
        ]);

        $this->fill('progres_harian', 2000, fn (int $id) => [
            'id' => $id,
            'rencana_aksi_bulanan_id' => 1 + $id % 1500,
            'user_id' => 21 + $id % 250,
            'tanggal' => sprintf('2025-%02d-%02d', 1 + $id % 6, 1 + $id % 28),
            'uraian' => $this->one(self::WORK),
            'catatan' => $this->one(self::NOTES),
            'durasi_menit' => $id % 6 === 0 ? null : mt_rand(1, 16) * 30,
        ]);
    }

    private function framework(): void
    {
        $this->fill('personal_access_tokens', 60, fn (int $id) => [
            'id' => $id,
            'tokenable_type' => 'App\\Models\\User',
            'tokenable_id' => 20 + $id,
            'name' => 'android',
            'token' => hash('sha256', "token {$id}"),
            'abilities' => '["*"]',
            'last_used_at' => $id % 4 === 0 ? null : $this->time($id),
        ]);

        $this->fill('sessions', 40, fn (int $id) => [
            'id' => hash('sha1', "session {$id}"),
            'user_id' => $id % 3 === 0 ? null : 20 + $id,
            'ip_address' => "10.12.4.{$id}",
            'user_agent' => 'okhttp/4.12.0',
            'payload' => base64_encode("a:1:{s:2:\"id\";i:{$id};}"),
            'last_activity' => 1767225600 + $id,
        ], false);

        $this->fill('cache', 30, fn (int $id) => [
            'key' => "gaspul_cache:skp:{$id}",
            'value' => serialize(['id' => $id, 'nama' => $this->name()]),
            'expiration' => 1767225600 + $id,
        ], false);

        $this->fill('cache_locks', 3, fn (int $id) => [
            'key' => "gaspul_cache:lock:{$id}",
            'owner' => hash('md5', "owner {$id}"),
            'expiration' => 1767225600 + $id,
        ], false);

        $this->fill('job_batches', 3, fn (int $id) => [
            'id' => hash('md5', "batch {$id}"),
            'name' => 'Rekap SKP',
            'total_jobs' => 10 * $id,
            'pending_jobs' => 0,
            'failed_jobs' => 0,
            'failed_job_ids' => '[]',
            'created_at' => 1767225600,
            'finished_at' => $id === 3 ? null : 1767225600 + $id,
        ], false);

        $this->fill('jobs', 25, fn (int $id) => [
            'id' => $id,
            'queue' => 'default',
            'payload' => json_encode(['uuid' => hash('md5', "job {$id}"), 'data' => ['skp' => $id]]),
            'attempts' => $id % 3,
            'reserved_at' => null,
            'available_at' => 1767225600,
            'created_at' => 1767225600,
        ], false);

        $this->fill('failed_jobs', 4, fn (int $id) => [
            'id' => $id,
            'uuid' => hash('md5', "failed {$id}"),
            'connection' => 'database',
            'queue' => 'default',
            'payload' => '{}',
            'exception' => "RuntimeException: koneksi terputus\n#0 {main}",
            'failed_at' => $this->time($id),
        ], false);
    }

    /**
     * Insert rows 1..$count in few large statements, without what the table has no column for.
     */
    private function fill(string $table, int $count, callable $row, bool $stamped = true): void
    {
        $rows = [];
        $columns = array_flip(Schema::getColumnListing($table));

        foreach (range(1, $count) as $id) {
            $stamps = ['created_at' => $this->time($id), 'updated_at' => $this->time($id + 1)];
            $rows[] = array_intersect_key($row($id) + ($stamped ? $stamps : []), $columns);
        }

        foreach (array_chunk($rows, 500) as $chunk) {
            DB::table($table)->insert($chunk);
        }
    }

    private function parentOf(string $table, string $column): string
    {
        return DB::selectOne(
            'SELECT REFERENCED_TABLE_NAME AS parent FROM information_schema.KEY_COLUMN_USAGE'
            .' WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND COLUMN_NAME = ?'
            .' AND REFERENCED_TABLE_NAME IS NOT NULL',
            [$table, $column]
        )->parent;
    }

    private function copy(string $from, string $to): void
    {
        $columns = array_flip(Schema::getColumnListing($to));

        foreach (DB::table($from)->orderBy('id')->get()->chunk(500) as $chunk) {
            $rows = $chunk->map(fn ($row) => array_intersect_key((array) $row, $columns));
            DB::table($to)->insert($rows->values()->all());
        }
    }

    private function one(array $values)
    {
        return $values[mt_rand(0, count($values) - 1)];
    }

    private function name(): string
    {
        return $this->one(self::FIRST).' '.$this->one(self::LAST);
    }

    private function time(int $number): string
    {
        return date('Y-m-d H:i:s', 1736000000 + $number * 3600);
    }
}
