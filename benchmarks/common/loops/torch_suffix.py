"""The last blocks of EfficientNet-Lite0 as PyTorch trains them: timm's network, the weights that tlsearch bundles."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.common.contestants.fastai_model import ARCHITECTURE, load_bundled
from tlsearch.types import AnyArray

if TYPE_CHECKING:
    from torch import Tensor, nn

RATE, WEIGHT_DECAY = 5e-4, 1e-3


def has_torch() -> bool:
    """Whether torch and timm can be imported; they are imported.

    To be called before TensorFlow is imported: both bring a copy of LLVM, and torch crashes when its copy comes second.
    """
    try:
        import timm
        import torch  # noqa: F401
    except ImportError:
        return False
    return bool(timm)


class TorchSuffix:
    """What follows a cut, with average pooling and a linear head; every kernel is trained, BatchNorm infers."""

    def __init__(self, frozen: int, classes: int, dropout: float) -> None:
        """Build it behind the first ``frozen`` cuts, of which one is the stem's and each other a block's.

        Raises:
            ImportError: torch or timm is not installed.
        """
        import timm
        from torch import nn

        network = timm.create_model(ARCHITECTURE, pretrained=False, num_classes=0)
        load_bundled(network)
        blocks = [block for stage in network.blocks for block in stage]
        self.backbone = nn.Sequential(*blocks[frozen - 1 :], network.conv_head, network.bn2, network.global_pool)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(network.num_features, classes))
        self.head.train()
        self.backbone.eval()  # only BatchNorm minds: gradients are computed all the same

    def pooled(self, features: AnyArray) -> AnyArray:
        """The pooled features (N, d) of those of the cut, (N, h, w, c)."""
        import torch

        with torch.no_grad():
            found: AnyArray = self.backbone(_channels_first(features)).numpy()
        return found

    def trainer(self, features: AnyArray, labels: AnyArray, channels_last: bool, bfloat16: bool) -> Any:
        """Give what trains one step on a batch, the weights in float32 and the arithmetic as is said."""
        import torch
        from torch.nn.functional import cross_entropy

        layout = torch.channels_last if channels_last else torch.contiguous_format
        model: nn.Module = torch.nn.Sequential(self.backbone, self.head).to(memory_format=layout)
        x = _channels_first(features).contiguous(memory_format=layout)
        y = torch.from_numpy(np.asarray(labels, np.int64))
        optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=WEIGHT_DECAY, fused=True)

        def step() -> float:
            optimizer.zero_grad()
            with torch.autocast("cpu", torch.bfloat16) if bfloat16 else nullcontext():
                loss = cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            return float(loss.detach())

        return step


def _channels_first(features: AnyArray) -> Tensor:
    import torch

    return torch.from_numpy(np.asarray(features, np.float32)).permute(0, 3, 1, 2)
