import pytest
from tests.integration.api.test_reading import *
for _n in [n for n in dict(globals()) if n.startswith("test_") and n!="test_store_and_temporal_tell_the_same"]: del globals()[_n]
test_store_and_temporal_tell_the_same = pytest.mark.parametrize("i", range(80))(lambda: 0)
_orig = __import__("tests.integration.api.test_reading",fromlist=["x"]).test_store_and_temporal_tell_the_same
@pytest.mark.parametrize("i", range(80))
async def test_store_and_temporal_tell_the_same(api,http,bench,i): await _orig(api,http,bench)
