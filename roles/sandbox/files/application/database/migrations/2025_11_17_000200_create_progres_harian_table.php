<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\Schema;

return new class extends Migration
{
    public function up(): void
    {
        Schema::create('progres_harian', function (Blueprint $table) {
            $table->id();
            $table->foreignId('rencana_aksi_bulanan_id')->constrained('rencana_aksi_bulanan');
            $table->foreignId('user_id')->constrained('users');
            $table->date('tanggal');
            $table->text('uraian');
            $table->text('catatan')->nullable();
            $table->unsignedInteger('durasi_menit')->nullable();
            $table->timestamps();
        });
    }

    public function down(): void
    {
        Schema::dropIfExists('progres_harian');
    }
};
