"""The status page in a real browser: on a phone and a PC, light and dark, in both languages, with odd names."""

import struct
import zlib
from queue import SimpleQueue

import pytest

from meshbot.mesh_link.actions import Generation, LinkDown, LinkReady
from meshbot.mesh_link.failures import LinkFailure
from meshbot.runtime.clock import SystemClock
from meshbot.runtime.incidents import KeyChanged, KeyChangeSource, LinkCause
from meshbot.sending.outgoing import OutgoingText
from meshbot.status_page.server import StatusServer
from tests.support.browser import Browser, program
from tests.support.status import Bench, address_of

if program() is None:
    pytest.skip("no Chromium here: apt install chromium", allow_module_level=True)

PATIENCE = 30.0  # real seconds: only a failure waits so long
PHONE, PC = 360, 1280
ODD = '<script>document.title="hit"</script>'


@pytest.fixture(scope="module")
def browser():
    with Browser() as browser:
        yield browser


@pytest.fixture
def page(tmp_path):
    """The page's address, with something in each of its parts."""
    bench = Bench(tmp_path)
    clock, take = bench.clock, bench.link.statistics.take
    take([LinkReady(Generation(1), reconnection=False, outage=1.0, attempts=1)], None, clock.monotonic())
    clock.advance(86400)
    now = clock.monotonic()
    take([LinkDown(LinkFailure(LinkCause.SILENCE), first=True, was_ready=True, retry_in=1.0)], now, now)
    clock.advance(7200)
    take([LinkReady(Generation(2), reconnection=True, outage=7200.0, attempts=9)], None, clock.monotonic())
    clock.advance(3600)
    bench.hear_town(220)
    bench.hear(900, ODD, (45.7, 4.8))
    bench.hear(901, "W" * 36, (45.8, 4.9))
    bench.incidents.take(KeyChanged(900, ODD, "a", "b", KeyChangeSource.NODE))
    bench.queue.add(OutgoingText("a", 7), clock.monotonic())
    server = StatusServer(SystemClock(), "127.0.0.1", 0, bench.application)
    server.start(SimpleQueue())
    yield "http://{}:{}/".format(*address_of(server))
    server.stop()
    assert server.join(PATIENCE)
    bench.close()


def picture(png):
    """The size of a screenshot, and its bytes of filtered pixels."""
    width, height = struct.unpack(">II", png[16:24])
    parts, at = [], 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            parts.append(png[at + 8 : at + 8 + length])
        at += length + 12
    return width, height, zlib.decompress(b"".join(parts))


@pytest.mark.parametrize("width", [PHONE, PC])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_page_fits_and_nothing_is_refused(browser, page, width, dark, language):
    browser.complaints.clear()
    browser.open(f"{page}?lang={language}", width, dark=dark)
    assert browser.run("document.documentElement.lang") == language
    assert browser.run("document.title") == "MeshBot"
    # nothing sticks out to the right
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")
    ground = browser.run("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") is not dark
    # neither a style nor a script that the policy refuses
    assert browser.complaints == []
    wide, high, pixels = picture(browser.screenshot())
    assert wide <= width
    assert high > 1000
    # not one colour all over
    assert len(set(pixels[: 4 * wide * 200])) > 20


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_texts_can_be_read(browser, page, dark):
    """WCAG's contrast of 4.5 holds for every text."""
    browser.open(page, PC, dark=dark)
    worst = browser.run(
        """(() => {
        const parts = c => c.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)
            .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        const light = c => { const [r, g, b] = parts(c); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
        const ground = light(getComputedStyle(document.body).backgroundColor);
        let worst = [99, ""];
        for (const e of document.querySelectorAll("h1,h2,h3,p,a,td,th,li,small,time,strong,text")) {
            const style = getComputedStyle(e), own = light(e.tagName === "text" ? style.fill : style.color);
            const contrast = (Math.max(own, ground) + 0.05) / (Math.min(own, ground) + 0.05);
            if (contrast < worst[0]) worst = [contrast, e.outerHTML.slice(0, 80)];
        }
        return worst; })()"""
    )
    assert worst[0] >= 4.5, worst


def test_every_part_is_drawn(browser, page):
    browser.open(page, PC)
    for part in ("#link path.up", "#link path.down", "#map circle.age0", "#map path.crowd", "#traffic path.position"):
        box = browser.run(f'(b => [b.width, b.height])(document.querySelector("{part}").getBoundingClientRect())')
        assert box[0] > 0, part
    assert browser.run('document.querySelectorAll("#nodes tr").length') == 101


def test_a_column_s_link_sorts_without_script(browser, page):
    browser.open(page, PC)
    link = browser.run('document.querySelector("#nodes th a").href')
    browser.open(link, PC)
    first = browser.run('document.querySelector("#nodes bdi").textContent')
    browser.open(browser.run('document.querySelector("#nodes th a").href'), PC)
    assert browser.run('document.querySelector("#nodes bdi").textContent') != first


def test_an_odd_name_is_shown_and_not_run(browser, page):
    browser.open(f"{page}?sort=name", PC)
    assert ODD in browser.run("document.body.textContent")
    assert browser.run("document.title") == "MeshBot"
    assert browser.run('document.querySelectorAll("script").length') == 0
