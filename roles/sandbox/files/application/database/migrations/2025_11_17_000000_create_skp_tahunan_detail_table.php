<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\Schema;

return new class extends Migration
{
    public function up(): void
    {
        Schema::create('skp_tahunan_detail', function (Blueprint $table) {
            $table->id();
            $table->foreignId('skp_tahunan_id')->index();
            $table->foreignId('indikator_kinerja_id')->nullable()->constrained('indikator_kinerja');
            $table->text('uraian');
            $table->decimal('target', 8, 2);
            $table->decimal('realisasi', 8, 2)->nullable();
            $table->timestamps();
        });
    }

    public function down(): void
    {
        Schema::dropIfExists('skp_tahunan_detail');
    }
};
