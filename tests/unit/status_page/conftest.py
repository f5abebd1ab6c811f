"""The page on real parts."""

import pytest

from tests.support.status import Bench


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.close()
