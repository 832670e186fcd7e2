"""R-07: whatever a power failure leaves is absent or right, and heals."""

from __future__ import annotations

import pytest

from reliability.power_loss import power_loss


def test_nothing_wrong_has_a_final_name(tmp_path):
    found = power_loss(tmp_path, loads=12)
    assert found.states > 500
    assert (found.wrong, found.examples) == (0, [])
    assert found.healed == found.loads


@pytest.mark.parametrize("forgotten", ["sync", "sync_folder"])
def test_the_model_would_see_a_sync_that_is_missing(tmp_path, forgotten):
    assert power_loss(tmp_path, forget=(forgotten,), loads=0).wrong > 0


@pytest.mark.nightly
def test_many_more_states_heal(tmp_path):
    found = power_loss(tmp_path, most=400, loads=300)
    assert (found.wrong, found.examples) == (0, [])
    assert found.healed == found.loads
