<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\Schema;

return new class extends Migration
{
    public function up(): void
    {
        Schema::create('rencana_aksi_bulanan', function (Blueprint $table) {
            $table->id();
            $table->foreignId('skp_tahunan_id')->index();
            $table->unsignedTinyInteger('bulan');
            $table->string('rencana');
            $table->unsignedInteger('target');
            $table->timestamps();
            $table->unique(['skp_tahunan_id', 'bulan']);
        });
    }

    public function down(): void
    {
        Schema::dropIfExists('rencana_aksi_bulanan');
    }
};
