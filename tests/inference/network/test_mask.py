"""The decoder of lesion masks: its shapes, its size, and the part of the stem that it reads."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.mark.parametrize("side", [20, 15])
def test_a_mask_has_two_cells_for_each_of_the_maps(side: int) -> None:
    from inference.network import mask

    maps = np.random.default_rng(0).normal(size=(2, side, side, 32)).astype(np.float32)
    logits = np.asarray(mask.decoder(side)(maps, training=False))
    assert logits.shape == (2, 2 * side, 2 * side, 1)
    assert logits.std() > 0
    assert not np.allclose(logits[0], logits[1])


def test_the_decoder_is_light() -> None:
    from inference.network import mask

    assert mask.decoder().count_params() < 500_000


def test_a_deeper_stem_gives_the_same_maps() -> None:
    """Whatever part of the encoder a package leaves untrained, the mask stands on the same."""
    from inference.network import mask, mobilenet

    shallow, deep = mobilenet.stem(64, mask.BLOCKS), mobilenet.stem(64, 14)
    rng = np.random.default_rng(1)
    for variable in shallow.variables:
        # Positive, so that variances are; small, so that nothing saturates.
        variable.assign(rng.uniform(0.01, 0.2, variable.shape))
    values = {variable.path: variable for variable in shallow.variables}
    for variable in deep.variables:
        if variable.path in values:
            variable.assign(values[variable.path])
    images = rng.uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)
    seen = np.asarray(mask.encoder(deep)(images, training=False))
    assert seen.shape == (2, 8, 8, 32)
    assert seen.std() > 0
    np.testing.assert_allclose(seen, np.asarray(shallow(images, training=False)), rtol=1e-5)
