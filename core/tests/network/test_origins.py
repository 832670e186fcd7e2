"""How URLs are read and shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inference_models_core.errors import UnsafeUrlError
from inference_models_core.network.origins import Location, Origin, origin_of, redacted, understand


@pytest.mark.parametrize(
    ("url", "origin", "target"),
    [
        ("https://Example.COM", "https://example.com", "/"),
        ("HTTPS://example.com:443/a", "https://example.com", "/a"),
        ("http://example.com:80/", "http://example.com", "/"),
        ("https://example.com:80/", "https://example.com:80", "/"),
        ("https://example.com./a?b=%2B+c&d", "https://example.com", "/a?b=%2B+c&d"),
        ("https://h/a#fragment", "https://h", "/a"),
        ("https://h?q=1", "https://h", "/?q=1"),
        ("https://xn--bcher-kva.example/é", "https://xn--bcher-kva.example", "/%C3%A9"),
        ("https://my_bucket.example/x~y%20z", "https://my_bucket.example", "/x~y%20z"),
        ("https://[2001:DB8:0::1]:8443/", "https://[2001:db8::1]:8443", "/"),
        ("https://10.0.0.1/", "https://10.0.0.1", "/"),
        ("https://3com.example/", "https://3com.example", "/"),
    ],
)
def test_urls_have_one_spelling(url, origin, target):
    location = understand(url)
    assert (str(location.origin), location.target) == (origin, target)
    assert understand(location.url).origin == location.origin


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com/a",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https://",
        "https:///a",
        "https://user@example.com/",
        "https://user:password@example.com/",
        "https://@example.com/",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://example.com:port/",
        "https://a:1:2/",
        "https://exa mple.com/",
        "https://example.com/a b",
        "https://example.com\\@evil.test/",
        "https://example.com/\r\nHost: evil.test",
        "https://example.com\t/",
        "https://example%2ecom/",
        "https://bücher.example/",
        "https://example。com/",
        "https://①②⑦.0.0.1/",
        "https://١٢٧.0.0.1/",
        "https://a..b/",
        "https://.a/",
        "https://-a/",
        "https://a../",
        "https://[::1/",
        "https://[::1]evil.test/",
        "https://[fe80::1%25eth0]/",
        "https://[127.0.0.1]/",
        "https://2130706433/",
        "https://127.1/",
        "https://0x7f.0.0.1/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://1.2.3.4.5/",
        "https://example.com.1/",
        "https://a/" + "x" * 20_000,
        "https://" + "a" * 64 + ".example/",
    ],
)
def test_urls_that_programs_read_differently(url):
    assert isinstance(understand(url), str)
    with pytest.raises(UnsafeUrlError):
        origin_of(url)


def test_origins_differ_in_scheme_host_and_port():
    urls = ["https://a/", "http://a/", "https://b/", "https://a:8443/", "http://a:443/"]
    assert len({origin_of(url) for url in urls}) == len(urls)
    assert origin_of("https://A.:443/x?y") == Origin("https", "a", 443)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h:8443/path/file.bin?X-Signature=canary#canary", "https://h:8443/path/file.bin"),
        ("https://user:canary@h/path?canary", "https://h/path"),
        ("https://canary@canary@h/path", "https://h/path"),
        ("canary", "a malformed URL"),
        ("ftp://h/x?canary", "ftp://h/x"),
    ],
)
def test_what_is_shown(url, shown):
    assert redacted(url) == shown


def test_a_location_prints_without_its_query():
    location = understand("https://h/a?canary")
    assert "canary" not in f"{location} {location!r}"
    assert location.url == "https://h/a?canary"


@given(st.text(max_size=60).map(lambda text: f"https://{text}"))
def test_any_text_is_understood_or_refused_and_shown_without_query(url):
    found = understand(url)
    assert isinstance(found, Location | str)
    if isinstance(found, Location):
        again = understand(found.url)
        assert isinstance(again, Location)
        assert (again.origin, again.target) == (found.origin, found.target)
    assert "?" not in redacted(url)
