<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\Schema;

return new class extends Migration
{
    public function up(): void
    {
        Schema::rename('skp_tahunan_detail', 'skp_tahunan_detail_backup_v1');

        Schema::create('skp_tahunan_detail', function (Blueprint $table) {
            $table->id();
            $table->unsignedBigInteger('skp_tahunan_id');
            $table->unsignedBigInteger('rhk_pimpinan_id')->nullable();
            $table->text('uraian');
            $table->decimal('target', 8, 2);
            $table->decimal('realisasi', 8, 2)->nullable();
            $table->timestamps();
            $table->foreign('skp_tahunan_id', 'fk_detail_v2_skp_tahunan')
                ->references('id')->on('skp_tahunan')->onDelete('cascade');
            $table->foreign('rhk_pimpinan_id', 'fk_detail_v2_rhk_pimpinan')
                ->references('id')->on('rhk_pimpinan')->onDelete('set null');
        });
    }

    public function down(): void
    {
        Schema::dropIfExists('skp_tahunan_detail');
        Schema::rename('skp_tahunan_detail_backup_v1', 'skp_tahunan_detail');
    }
};
