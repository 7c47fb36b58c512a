# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between servers and needs no server to be seen."""

import pytest
from ansible.module_utils.fix_fk.server.flavour import comparable


@pytest.mark.parametrize(
    ("definition", "plain"),
    [
        ("`a` text CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,", "`a` text COLLATE utf8mb4_bin,"),
        ("`a` text COLLATE utf8mb4_bin,", "`a` text COLLATE utf8mb4_bin,"),
        ("`a` text CHARACTER SET latin1,", "`a` text CHARACTER SET latin1,"),
        (
            "`a` text CHARACTER SET latin1,\n`b` text COLLATE utf8mb4_bin,",
            "`a` text CHARACTER SET latin1,\n`b` text COLLATE utf8mb4_bin,",
        ),
    ],
)
def test_a_character_set_is_left_out_where_a_collation_says_it(definition, plain):
    assert comparable(definition) == plain
