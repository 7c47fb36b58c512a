<?php

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\Schema;

return new class extends Migration
{
    public function up(): void
    {
        Schema::create('skp_tahunan', function (Blueprint $table) {
            $table->id();
            $table->unsignedBigInteger('user_id');
            $table->unsignedBigInteger('approved_by')->nullable();
            $table->unsignedSmallInteger('tahun');
            $table->string('status', 20)->default('draf');
            $table->decimal('nilai', 5, 2)->nullable();
            $table->text('catatan')->nullable();
            $table->timestamp('approved_at')->nullable();
            $table->timestamps();
            $table->unique(['user_id', 'tahun']);
            $table->foreign('user_id', 'fk_skp_tahunan_user')
                ->references('id')->on('users')->onDelete('cascade');
            $table->foreign('approved_by', 'fk_skp_tahunan_approved_by')
                ->references('id')->on('users')->onDelete('set null');
        });

        Schema::table('skp_tahunan_detail', function (Blueprint $table) {
            $table->foreign('skp_tahunan_id')->references('id')->on('skp_tahunan');
        });

        Schema::table('rencana_aksi_bulanan', function (Blueprint $table) {
            $table->foreign('skp_tahunan_id')->references('id')->on('skp_tahunan');
        });
    }

    public function down(): void
    {
        Schema::table('rencana_aksi_bulanan', function (Blueprint $table) {
            $table->dropForeign(['skp_tahunan_id']);
        });

        Schema::table('skp_tahunan_detail', function (Blueprint $table) {
            $table->dropForeign(['skp_tahunan_id']);
        });

        Schema::dropIfExists('skp_tahunan');
    }
};
