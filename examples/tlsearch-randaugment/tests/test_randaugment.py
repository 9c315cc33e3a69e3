"""RandAugment keeps the contract of an augmentation."""

import pytest
from tlsearch_randaugment import RandAugment

from tlsearch.testing import AugmentationTests


class TestRandAugment(AugmentationTests):
    @pytest.fixture
    def plugin(self) -> RandAugment:
        return RandAugment()
