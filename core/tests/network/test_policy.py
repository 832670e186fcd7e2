"""Which URLs and addresses may be asked."""

import ipaddress
import socket

import pytest
from inference_models_core.errors import DownloadError, UnsafeUrlError
from inference_models_core.network.origins import origin_of
from inference_models_core.network.policy import UrlPolicy, check_url, checked_addresses, configured, is_public

PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "100.100.100.200",
    "169.254.169.254",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.5",
    "168.63.129.16",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:8.8.8.8",
    "::ffff:0:10.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::8.8.8.8",
    "2002:7f00:1::",
    "2002:808:808::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "5f00::1",
]
PUBLIC = [
    "8.8.8.8",
    "93.184.215.14",
    "172.32.0.1",
    "100.128.0.1",
    "2001:4860:4860::8888",
    "2a00:1450::1",
    "64:ff9b::8.8.8.8",
]

# Spellings that reach this machine, a private network or a cloud's metadata service somewhere: with some resolver,
# with some parser, after some decoding. Unlike in test_origins, what is asked is that nothing at all happens.
SPELLINGS = [
    *(f"https://[{address}]/" if ":" in address else f"https://{address}/" for address in PRIVATE),
    "https://2130706433/",
    "https://0x7f.1/",
    "https://0x7f000001/",
    "https://0X7F.0.0.1/",
    "https://017700000001/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://127.0.0.1./",
    "https://127.0.0.01/",
    "https://169.254.43518/",
    "https://2852039166/",
    "https://%31%32%37.0.0.1/",
    "https://127%2e0.0.1/",
    "https://localhost/",
    "https://LOCALHOST./",
    "https://a.localhost/",
    "https://①②⑦.⓪.⓪.①/",
    "https://127。0。0。1/",
    "https://١٢٧.٠.٠.١/",  # noqa: RUF001
    "https://[::ffff:7f00:1]/",
    "https://[::FFFF:127.0.0.1]/",
    "https://[0:0:0:0:0:0:0:1]/",
    "https://[0000::1]:443/",
    "https://[fe80::1%25lo]/",
    "https://[::1]:8443/",
    "https://public.test@127.0.0.1/",
    "https://127.0.0.1\\@public.test/",
    "https://public.test\\.127.0.0.1/",
    "https://127.0.0.1:443@public.test/",
    "https://127.0.0.1#@public.test/",
    "https://127.0.0.1?@public.test/",
    "https://\t127.0.0.1/",
    "https://127.0.0.1%00.public.test/",
    "https:127.0.0.1/",
    "https:/127.0.0.1/",
    "http://public.test/",
    "http://127.0.0.1/",
    "https://public.test:80/",
    "https://public.test:22/",
    "https://public.test:0/",
    "gopher://127.0.0.1/",
    "file:///etc/passwd",
    "//127.0.0.1/",
    "data:text/plain,x",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_are_not_of_the_public_internet(address):
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_public_internet(address):
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("url", SPELLINGS)
def test_spellings(url, make_client, monkeypatch):
    """None of them gets as far as a connection, even if a resolver takes every host for this machine."""
    entry = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 443))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [entry])
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("a connection was made"))
    with pytest.raises(UnsafeUrlError):
        make_client().open(url)


@pytest.mark.parametrize("url", ["https://example.com/a", "https://example.com:8443/a?b", "https://8.8.8.8/"])
def test_urls_that_may_be_asked(url):
    assert check_url(url).url == url


@pytest.mark.parametrize("address", PRIVATE)
def test_one_private_address_among_public_ones_is_enough(address, resolve):
    resolve(models_test=["8.8.8.8", address, "9.9.9.9"])
    with pytest.raises(UnsafeUrlError, match="not a public address"):
        checked_addresses(origin_of("https://models.test"), UrlPolicy())


def test_public_addresses_are_kept_in_order(resolve):
    resolve(models_test=["9.9.9.9", "2001:4860:4860::8888", "9.9.9.9", "8.8.8.8"])
    found = checked_addresses(origin_of("https://models.test"), UrlPolicy())
    assert found == ("9.9.9.9", "2001:4860:4860::8888", "8.8.8.8")


def test_hosts_that_cannot_be_resolved(monkeypatch):
    def fail(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(DownloadError, match="cannot be resolved") as caught:
        checked_addresses(origin_of("https://models.test"), UrlPolicy())
    assert not isinstance(caught.value, UnsafeUrlError)


def test_what_the_user_configured_is_exempt_and_nothing_else(resolve):
    origins = ["http://models.intranet:9000/base/path"]
    resolve(models_intranet=["10.1.2.3"])
    assert check_url("http://MODELS.intranet:9000/file?q", origins=origins).target == "/file?q"
    policy = configured(origins)
    assert checked_addresses(origin_of(origins[0]), policy) == ("10.1.2.3",)
    for url in ("http://models.intranet/", "https://models.intranet:9000/", "http://other.intranet:9000/"):
        with pytest.raises(UnsafeUrlError):
            check_url(url, origins=origins)
    with pytest.raises(UnsafeUrlError):
        checked_addresses(origin_of("https://models.intranet"), policy)


def test_private_hosts_still_need_https_beyond_this_machine(resolve):
    policy = UrlPolicy(private_hosts=True)
    resolve(nas_test=["10.1.2.3"], here_test=["127.0.0.1", "::1"], both_test=["127.0.0.1", "10.1.2.3"])
    assert checked_addresses(origin_of("https://nas.test:9000"), policy) == ("10.1.2.3",)
    assert checked_addresses(origin_of("http://here.test:9000"), policy) == ("127.0.0.1", "::1")
    for url in ("http://nas.test", "http://both.test"):
        with pytest.raises(UnsafeUrlError, match="use https"):
            checked_addresses(origin_of(url), policy)
