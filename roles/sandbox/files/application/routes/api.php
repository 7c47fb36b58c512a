<?php

use App\Http\Controllers\SkpTahunanController;
use Illuminate\Http\JsonResponse;
use Illuminate\Support\Facades\Route;

Route::get('/health', fn () => new JsonResponse(['ok' => true]))->name('health');

Route::get('/skp', [SkpTahunanController::class, 'index'])->name('skp.index');
Route::get('/skp/{skp}', [SkpTahunanController::class, 'show'])->name('skp.show');
Route::post('/skp/{skp}/approve', [SkpTahunanController::class, 'approve'])->name('skp.approve');
