"""When to ask again."""

import email.utils

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inference_models_core.network.retries import MAX_PAUSE, delay, requested_pause, retry_after_seconds

NOW = 1_700_000_000.0


def date(seconds):
    return email.utils.formatdate(NOW + seconds, usegmt=True)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": " 7 "}, 7),
        ({"Retry-After": "120"}, 120),
        ({"Retry-After": "121"}, MAX_PAUSE),
        ({"Retry-After": "9" * 5000}, MAX_PAUSE),
        ({"Retry-After": date(30)}, 30),
        ({"Retry-After": date(7200)}, MAX_PAUSE),
        ({"Retry-After": date(-30)}, 0),
        ({"Retry-After": date(5030), "Date": date(5000)}, 30),
        ({"Retry-After": date(30), "Date": "yesterday"}, 30),
        ({"Retry-After": "Tuesday, 14-Nov-23 22:13:50 GMT"}, 30),
        ({}, None),
        *(
            ({"Retry-After": text}, None)
            for text in ("", "soon", "-5", "1.5", "1e3", "٣", "0x10", "Mon, 99 Foo 2023", "1 2")
        ),
    ],
)
def test_retry_after(headers, expected, clock):
    assert retry_after_seconds(headers, clock=clock) == expected


def test_the_pause_that_was_asked_for_is_known(clock):
    assert requested_pause({"Retry-After": "3600"}, clock=clock) == 3600


@given(st.text(max_size=80))
def test_any_text(text):
    pause = retry_after_seconds({"Retry-After": text})
    assert pause is None or 0 <= pause <= MAX_PAUSE


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_delays_grow_up_to_a_limit_with_full_jitter(attempt, chance):
    class Chance:
        def random(self):
            return chance

    assert delay(attempt, clock=Chance(), base=0.5, longest=8.0) == pytest.approx(
        chance * min(8.0, 0.5 * 2 ** min(attempt, 9))
    )
