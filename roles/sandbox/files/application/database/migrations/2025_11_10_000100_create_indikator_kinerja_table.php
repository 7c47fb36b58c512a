<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\Schema;

return new class extends Migration
{
    public function up(): void
    {
        Schema::create('indikator_kinerja', function (Blueprint $table) {
            $table->id();
            $table->foreignId('sasaran_kegiatan_id')->constrained('sasaran_kegiatan')->cascadeOnDelete();
            $table->string('indikator');
            $table->decimal('target', 8, 2);
            $table->string('satuan', 30);
            $table->timestamps();
        });
    }

    public function down(): void
    {
        Schema::dropIfExists('indikator_kinerja');
    }
};
