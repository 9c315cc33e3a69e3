"""What an ``assert`` of a helper compared is shown where it fails, as in a test. Before any helper is imported."""

import pytest

pytest.register_assert_rewrite("tests.helpers")
