from hypothesis import example, given
from hypothesis import strategies as st

from config import ConfigError, Settings, effective, load
from meshbot.settings.sources import toml

NAMES = st.sampled_from(sorted(Settings.model_fields)) | st.text(max_size=12)
TEXTS = st.text(st.characters(exclude_categories=()), max_size=40)  # lone surrogates too: a variable may hold any byte


@given(st.dictionaries(NAMES.map(lambda name: f"MESHBOT_{name.upper()}"), TEXTS, max_size=8))
def test_whatever_the_variables_hold_each_problem_is_one_printable_line(environ):
    try:
        load(None, environ)
    except ConfigError as error:
        for problem in error.problems:
            assert problem.isprintable(), problem


VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text(max_size=12), lambda inner: st.lists(inner, max_size=3)
)
FILES = (
    st.binary(max_size=80)
    | st.text(max_size=80).map(str.encode)
    | st.dictionaries(st.sampled_from(sorted(Settings.model_fields)), VALUES, max_size=6).map(
        lambda values: "\n".join(f"{name} = {toml(value)}" for name, value in values.items()).encode()
    )
)


@given(content=FILES)
@example(content=b"\xff\xfe")
@example(content=b"a = " + b"[" * 5000)
def test_whatever_the_file_holds_each_problem_is_one_printable_line(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("config") / "meshbot.toml"
    path.write_bytes(content)
    try:
        load(path, {})
    except ConfigError as error:
        for problem in error.problems:
            assert problem.isprintable(), problem


@given(
    port=st.integers(1, 65535),
    delay=st.floats(0, 600),
    channels=st.lists(st.integers(0, 7), max_size=8),
    folder=st.text(st.characters(categories=("L", "N", "P", "S"))).map("/{}".format),
)
def test_effective_settings_read_back_are_the_same(tmp_path_factory, port, delay, channels, folder):
    made = Settings(tcp_port=port, tcp_pubkey_sync_delay=delay, answer_on_channels=channels, data_dir=folder)
    path = tmp_path_factory.mktemp("config") / "effective.toml"
    path.write_text(effective(made), encoding="utf-8")
    assert load(path, {}).model_dump() == made.model_dump()
