"""Networks of Keras Applications, as data: what they are, where their weights are, and how they are fine-tuned.

Addresses and hashes of the weights are those of Keras' own source (version 3.15), licences those of its documentation
and of the repositories that the weights come from. Accuracies are those that Keras publishes
(https://keras.io/api/applications). Work is estimated as ``Backbone`` says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tlsearch.plugin_api import KerasBackbone, TrainingHints, WeightSource

if TYPE_CHECKING:
    import keras

_ADDRESS = "https://storage.googleapis.com/tensorflow/keras-applications"

RESIDUAL = TrainingHints(lr_middle=2e-4, lr_late=2e-4, lr_early=5e-4)
"""Those of ResNet50, for networks of dense kernels with BatchNorm."""

DEPTHWISE = TrainingHints(lr_middle=5e-4, lr_late=3e-4, lr_early=1e-3)
"""Those of EfficientNet-Lite0, for networks of depthwise kernels with BatchNorm."""

LAYER_NORM = TrainingHints(lr_middle=5e-5, lr_late=1e-4, lr_early=1e-4)
"""Those of VGG: without BatchNorm, networks want small steps."""

GOOGLE = "Apache-2.0 (Google)"
TENSORFLOW = "Apache-2.0 (The TensorFlow Authors)"
META = "MIT (Meta Platforms)"


class KerasNetwork(KerasBackbone):
    """A network of ``keras.applications``, known by its name there."""

    def __init__(self, application: str, **facts: Any) -> None:
        """Take ``application``, the function that builds it, and what else is known of it: attributes of a backbone."""
        self.application = application
        vars(self).update(facts)

    def network(self, image_size: int) -> keras.Model:
        """See ``KerasBackbone``."""
        import keras

        build = getattr(keras.applications, self.application)
        return build(include_top=False, weights=None, input_shape=(image_size, image_size, 3))


def _imagenet(
    place: str, file_hash: str, megabytes: float, *, accuracy: float, licence: str, filename: str = ""
) -> dict[str, WeightSource]:
    """The weights at ``place`` below Keras' address; ``filename`` is their name in Keras' cache if it is another."""
    return {
        "imagenet": WeightSource(
            trained_on="ImageNet-1k",
            licence=licence,
            url=f"{_ADDRESS}/{place}",
            filename=filename or place.rpartition("/")[2],
            file_hash=file_hash,
            megabytes=megabytes,
            accuracy=accuracy,
        )
    }


mobilenet_v3_large = KerasNetwork(
    "MobileNetV3Large",
    name="mobilenet_v3_large",
    title="MobileNetV3-Large",
    work=1.3e9,
    hints=DEPTHWISE,
    weights=_imagenet(
        "mobilenet_v3/weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5",
        "07fb09a5933dd0c8eaafa16978110389",
        12.0,
        accuracy=0.756,
        licence=TENSORFLOW,
    ),
)

efficientnet_v2_b0 = KerasNetwork(
    "EfficientNetV2B0",
    name="efficientnet_v2_b0",
    title="EfficientNetV2-B0",
    work=2.4e9,
    hints=DEPTHWISE,
    weights=_imagenet(
        "efficientnet_v2/efficientnetv2-b0_notop.h5",
        "893217f2bb855e2983157299931e43ff",
        23.7,
        accuracy=0.787,
        licence=GOOGLE,
    ),
)

efficientnet_v2_b1 = KerasNetwork(
    "EfficientNetV2B1",
    name="efficientnet_v2_b1",
    title="EfficientNetV2-B1",
    default_image_size=240,
    work=3.8e9,
    hints=DEPTHWISE,
    weights=_imagenet(
        "efficientnet_v2/efficientnetv2-b1_notop.h5",
        "0e80663031ca32d657f9caa404b6ec37",
        27.7,
        accuracy=0.798,
        licence=GOOGLE,
    ),
)

efficientnet_v2_b2 = KerasNetwork(
    "EfficientNetV2B2",
    name="efficientnet_v2_b2",
    title="EfficientNetV2-B2",
    default_image_size=260,
    work=5.0e9,
    hints=DEPTHWISE,
    weights=_imagenet(
        "efficientnet_v2/efficientnetv2-b2_notop.h5",
        "1dfe2e7a5d45b6632553a8961ea609eb",
        35.1,
        accuracy=0.805,
        licence=GOOGLE,
    ),
)

efficientnet_v2_b3 = KerasNetwork(
    "EfficientNetV2B3",
    name="efficientnet_v2_b3",
    title="EfficientNetV2-B3",
    default_image_size=300,
    work=8.9e9,
    hints=DEPTHWISE,
    weights=_imagenet(
        "efficientnet_v2/efficientnetv2-b3_notop.h5",
        "f6abf7b5849ac99a89b50dd3fd532856",
        51.7,
        accuracy=0.820,
        licence=GOOGLE,
    ),
)

efficientnet_v2_s = KerasNetwork(
    "EfficientNetV2S",
    name="efficientnet_v2_s",
    title="EfficientNetV2-S",
    default_image_size=384,
    work=24e9,
    hints=DEPTHWISE,
    weights=_imagenet(
        "efficientnet_v2/efficientnetv2-s_notop.h5",
        "af0682fb74e8c54910f2d4393339c070",
        81.3,
        accuracy=0.839,
        licence=GOOGLE,
    ),
)

convnext_tiny = KerasNetwork(
    "ConvNeXtTiny",
    name="convnext_tiny",
    title="ConvNeXt-Tiny",
    work=11e9,
    hints=LAYER_NORM,
    weights=_imagenet(
        "convnext/convnext_tiny_notop.h5",
        "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
        111.3,
        accuracy=0.813,
        licence=META,
    ),
)

convnext_small = KerasNetwork(
    "ConvNeXtSmall",
    name="convnext_small",
    title="ConvNeXt-Small",
    work=21e9,
    hints=LAYER_NORM,
    weights=_imagenet(
        "convnext/convnext_small_notop.h5",
        "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab",
        197.8,
        accuracy=0.823,
        licence=META,
    ),
)

densenet121 = KerasNetwork(
    "DenseNet121",
    name="densenet121",
    title="DenseNet121",
    pixels="imagenet",
    work=8.7e9,
    hints=RESIDUAL,
    weights=_imagenet(
        "densenet/densenet121_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "30ee3e1110167f948a6b9946edeeb738",
        28.2,
        accuracy=0.750,
        licence="BSD-3-Clause (Zhuang Liu)",
    ),
)

inception_v3 = KerasNetwork(
    "InceptionV3",
    name="inception_v3",
    title="InceptionV3",
    default_image_size=299,
    min_image_size=75,
    pixels="-1..1",
    work=16e9,
    hints=RESIDUAL,
    weights=_imagenet(
        "inception_v3/inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "bcbd6486424b2319ff4ef7d526e38f63",
        87.2,
        accuracy=0.779,
        licence=TENSORFLOW,
    ),
)

xception = KerasNetwork(
    "Xception",
    name="xception",
    title="Xception",
    default_image_size=299,
    min_image_size=71,
    pixels="-1..1",
    work=20e9,
    hints=DEPTHWISE,
    weights=_imagenet(
        "xception/xception_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "b0042744bf5b25fce3cb969f33bebb97",
        83.4,
        accuracy=0.790,
        licence="MIT (François Chollet)",
    ),
)

resnet50_v2 = KerasNetwork(
    "ResNet50V2",
    name="resnet50_v2",
    title="ResNet50V2",
    pixels="-1..1",
    work=8.8e9,
    hints=RESIDUAL,
    weights=_imagenet(
        "resnet/resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "fac2f116257151a9d068a22e544a4917",
        94.3,
        accuracy=0.760,
        licence="BSD-3-Clause (Facebook)",
    ),
)

nasnet_mobile = KerasNetwork(
    "NASNetMobile",
    name="nasnet_mobile",
    title="NASNet-Mobile",
    pixels="-1..1",
    work=2.8e9,
    hints=DEPTHWISE,
    weights=_imagenet(
        "nasnet/NASNet-mobile-no-top.h5",
        "1ed92395b5b598bdda52abe5c0dbfd63",
        17.1,
        accuracy=0.744,
        licence=TENSORFLOW,
        filename="nasnet_mobile_no_top.h5",
    ),
)
