<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\Schema;

return new class extends Migration
{
    public function up(): void
    {
        Schema::rename('skp_tahunan', 'skp_tahunan_backup_v1');

        // The renamed table keeps its constraint names, so the two below are taken.
        Schema::create('skp_tahunan', function (Blueprint $table) {
            $table->id();
            $table->unsignedBigInteger('user_id');
            $table->unsignedBigInteger('approved_by')->nullable();
            $table->unsignedSmallInteger('tahun');
            $table->string('periode', 20)->default('tahunan');
            $table->string('status', 20)->default('draf');
            $table->decimal('nilai', 5, 2)->nullable();
            $table->string('predikat', 30)->nullable();
            $table->text('catatan')->nullable();
            $table->timestamp('approved_at')->nullable();
            $table->timestamps();
            $table->unique(['user_id', 'tahun', 'periode']);
            $table->foreign('user_id', 'fk_skp_tahunan_user')
                ->references('id')->on('users')->onDelete('cascade');
            $table->foreign('approved_by', 'fk_skp_tahunan_approved_by')
                ->references('id')->on('users')->onDelete('set null');
        });

        Schema::create('rhk_pimpinan', function (Blueprint $table) {
            $table->id();
            $table->foreignId('sasaran_kegiatan_id')->constrained('sasaran_kegiatan');
            $table->foreignId('pimpinan_id')->constrained('users');
            $table->string('rencana_hasil_kerja');
            $table->timestamps();
        });
    }

    public function down(): void
    {
        Schema::dropIfExists('rhk_pimpinan');
        Schema::dropIfExists('skp_tahunan');
        Schema::rename('skp_tahunan_backup_v1', 'skp_tahunan');
    }
};
