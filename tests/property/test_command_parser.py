"""Any text is a command with a name that can be looked up, or a text that is none."""

from hypothesis import example, given
from hypothesis import strategies as st

from meshbot.commands.registry import bare, parse

TEXTS = st.text(st.characters(exclude_categories=()), max_size=60)
COMMANDS = st.builds("{}{}{}".format, st.sampled_from(["/", "／", "/ ", " /"]), TEXTS, TEXTS)


@given(TEXTS | COMMANDS)
@example("/\ud800")
@example("/!\\")
@example("/" + "a" * 5000)
@example("/´0")
def test_any_text_is_a_command_or_none(text):
    found = parse(text)
    if found is None:
        return
    name, argument = found
    assert name
    assert name == "".join(name.split())
    assert name[-1].isalnum()
    assert isinstance(argument, str)
    assert "@" not in bare(name)


@given(st.from_regex(r"[a-z]{1,12}", fullmatch=True), st.from_regex(r"[a-z0-9]{1,20}( [a-z0-9]{1,8})?", fullmatch=True))
def test_a_plain_command_keeps_its_name_and_argument(name, argument):
    assert parse(f"/{name} {argument}") == (name, argument)
    assert parse(f"／{name.upper()}  {argument}") == (name, argument)
