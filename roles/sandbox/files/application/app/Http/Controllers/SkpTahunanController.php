<?php

namespace App\Http\Controllers;

use Illuminate\Http\JsonResponse;
use Illuminate\Routing\Controller;
use Illuminate\Support\Facades\DB;

class SkpTahunanController extends Controller
{
    public function index(): JsonResponse
    {
        return new JsonResponse(DB::table('skp_tahunan')->orderBy('id')->limit(50)->get());
    }

    public function show(int $skp): JsonResponse
    {
        $row = DB::table('skp_tahunan')->find($skp);

        return new JsonResponse($row, $row === null ? 404 : 200);
    }

    public function approve(int $skp): JsonResponse
    {
        $changed = DB::table('skp_tahunan')->where('id', $skp)->update(['status' => 'disetujui']);

        return new JsonResponse(['changed' => $changed]);
    }
}
