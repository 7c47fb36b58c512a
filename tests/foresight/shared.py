# SPDX-License-Identifier: GPL-3.0-or-later
"""What the cases have in common."""

from __future__ import annotations

HERE = "--"
L65, L64 = "x" * 65, "y" * 64
# The tables that are there before each case.
ARRANGED = (
    "CREATE TABLE p (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, nama"
    " VARCHAR(50), n INT, teks TEXT, u VARCHAR(20) NOT NULL, UNIQUE KEY p_u (u))",
    "INSERT INTO p VALUES (1,'satu',1,'1','a'),(2,NULL,300,'x','b')",
    "CREATE TABLE c (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, p_id BIGINT"
    " UNSIGNED NULL, CONSTRAINT c_fk FOREIGN KEY (p_id) REFERENCES p (id))",
    "INSERT INTO c VALUES (1,1)",
    "CREATE TABLE s (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, nama"
    " VARCHAR(50), n INT, teks TEXT, tanggal VARCHAR(30), harga DECIMAL(10,2), wajib INT"
    " NOT NULL)",
    "INSERT INTO s VALUES"
    " (1,'pendek',5,'teks','2020-01-01',1.25,1),(2,NULL,300,NULL,'bukan"
    " tanggal',12345.67,1),(3,'yang ini panjang',-5,'panjang sekali',NULL,0,1)",
)


def cols(number, kind):
    return ", ".join(f"k{i} {kind}" for i in range(number))
