from meshbot.pictures.qr import qr_lines, qr_png

URL = "https://meshtastic.org/v/#" + "A" * 150


def test_a_code_is_a_picture_of_a_few_kilobytes():
    png = qr_png(URL)
    assert png.startswith(b"\x89PNG\r\n")
    assert len(png) < 10_000


def test_a_code_for_a_terminal_has_lines_of_blocks():
    lines = qr_lines(URL).splitlines()
    assert 20 < len(lines) < 40
    assert not set("".join(lines)) - set(" ▀▄█\x1b[0123456789;m")
