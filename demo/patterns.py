"""What a dermatologist sees in each kind of lesion, drawn layer by layer.

Terms are those of the International Dermoscopy Society's consensus (Kittler 2016).
"""

from collections.abc import Callable

import numpy as np

from demo.lesions import Kind, Layers, Lesion, depth_inside
from demo.structures import Array, Board, smoothstep, stream, vessel_tree


def draw_lesion(board: Board, lesion: Lesion) -> Layers:
    """All layers of `lesion` on `board`, centred; the border is where `depth` crosses zero."""
    layers = Layers(board, depth_inside(board, lesion))
    _PATTERNS[lesion.kind](layers, lesion)
    layers.melanin *= np.float32(1.0 + lesion.darkening)
    # Some brown is golden and some is red.
    gold = stream(lesion.seed, "hue").uniform(0.0, 0.45)
    layers.keratin += np.float32(gold) * np.minimum(layers.melanin, 1.0)
    layers.deep *= np.float32(1.0 + 0.7 * lesion.darkening)
    return layers


def _reticular(layers: Layers, lesion: Lesion) -> None:
    board, rng = layers.board, stream(lesion.seed, "reticular")
    edge = layers.edge(1.1)
    patches = board.noise(rng, 2.0, 3)
    strength = rng.uniform(0.55, 0.9)
    presence = np.clip(edge * (0.82 + 0.28 * patches), 0, 1)
    centres = board.scatter(rng, rng.uniform(0.24, 0.36), 0.95)
    # Meshes differ in size from place to place.
    pull = np.stack([board.at(board.noise(rng, 2.0, 2), centres) for _ in range(2)], axis=1)
    mesh = board.network(centres + np.float32(0.10) * pull, 0.095, rng, presence, 0.45)
    core = smoothstep(layers.depth, 0.6, 2.4) * (0.6 + 0.45 * board.noise(rng, 1.2, 3))
    layers.melanin += np.float32(strength) * edge * (0.34 + 0.12 * patches)
    layers.melanin += np.float32(strength) * (0.95 * mesh + 0.55 * np.maximum(core, 0))
    layers.blood += 0.05 * edge
    _dots(layers, rng, 0.55, (0.03, 0.06), 0.35, 0.7, edge)


def _globular(layers: Layers, lesion: Lesion) -> None:
    board, rng = layers.board, stream(lesion.seed, "globular")
    edge = layers.edge(0.5)
    strength = rng.uniform(0.5, 0.8)
    centres = board.scatter(rng, rng.uniform(0.30, 0.38), 0.8)
    sizes = 0.06 + 0.10 * rng.random(len(centres)) ** 1.4
    tones = 0.20 + 0.70 * rng.random(len(centres))
    keep = board.at(layers.depth, centres) > 0.05
    keep &= rng.random(len(centres)) < 0.9
    spots = board.blobs(centres, sizes * keep, tones * keep, rng, 0.14, 1.15)
    patches = board.noise(rng, 1.8, 3)
    core = smoothstep(layers.depth, 0.3, 2.0)
    layers.melanin += np.float32(strength) * edge * (0.50 + 0.40 * core + 0.18 * patches)
    layers.melanin += np.float32(strength * 1.2) * board.soften(spots, 0.034)
    layers.blood += 0.08 * edge


def _homogeneous(layers: Layers, lesion: Lesion) -> None:
    board, rng = layers.board, stream(lesion.seed, "homogeneous")
    edge = layers.edge(rng.uniform(0.7, 1.3))
    strength = rng.uniform(0.6, 1.05)
    patches = board.noise(rng, 2.2, 4)
    grain = board.noise(rng, 0.28, 2)
    core = smoothstep(layers.depth, 0.4, 2.2)
    layers.melanin += np.float32(strength) * edge * (0.55 + 0.5 * core + 0.14 * patches)
    layers.melanin += np.float32(0.07 * strength) * edge * grain
    layers.blood += edge * (0.30 + 0.08 * board.noise(rng, 1.5, 2))
    follicles = board.scatter(rng, 0.9, 0.9)
    keep = rng.random(len(follicles)) < 0.6
    pale = board.blobs(follicles, 0.055 * keep, 0.9 * keep, rng)
    layers.melanin *= 1 - 0.45 * board.soften(pale, 0.04)


def _melanoma(layers: Layers, lesion: Lesion) -> None:
    board, rng = layers.board, stream(lesion.seed, "melanoma")
    edge, depth = layers.edge(0.28), layers.depth
    tilt = rng.uniform(0, 2 * np.pi)
    reach = np.float32(lesion.diameter_mm / 2)
    axis = (board.x * np.cos(tilt) + board.y * np.sin(tilt)) / reach
    across = (board.y * np.cos(tilt) - board.x * np.sin(tilt)) / reach
    patches, fine = board.noise(rng, 1.7, 4), board.noise(rng, 0.5, 3)
    # Light brown, dark brown and black lie in separate fields with fairly sharp limits.
    brown = smoothstep(patches + 0.8 * axis, -0.5, 0.1)
    black = smoothstep(patches + 1.5 * axis - 0.5 * across**2 + 0.25 * fine, 0.75, 1.35)
    layers.melanin += edge * (0.38 + 0.65 * brown + 1.55 * black + 0.10 * fine)
    layers.blood += edge * smoothstep(board.noise(rng, 2.0, 2) - axis, 0.2, 1.4) * 0.55
    # An atypical network: uneven meshes, thick lines that break off.
    presence = np.clip(edge * (0.6 - 0.6 * axis + 0.6 * board.noise(rng, 1.3, 2)), 0, 1)
    presence *= 1 - black
    mesh = board.network(board.scatter(rng, 0.38, 1.4), 0.125, rng, presence, 0.75)
    layers.melanin += 0.75 * board.soften(mesh, 0.02)
    _dots(layers, rng, 0.34, (0.04, 0.15), 0.6, 1.3, edge * smoothstep(patches, -0.4, 0.6))
    _streaks(layers, rng, lesion, tilt)
    # Blue-white veil: confluent, structureless, over the thick part.
    veil = smoothstep(board.noise(rng, 2.0, 3) + 0.9 * axis - 0.6 * np.abs(across), 0.35, 1.1)
    veil *= smoothstep(depth, 0.2, 0.9)
    layers.melanin *= 1 - 0.45 * veil
    layers.deep += 0.75 * veil
    layers.white += 0.20 * veil
    # Regression: scar-like white with grey peppering.
    scar = smoothstep(board.noise(rng, 1.4, 4) - 0.7 * axis, 0.9, 1.9) * smoothstep(depth, 0.3, 1.3)
    layers.melanin *= 1 - 0.70 * scar
    layers.deep += 0.10 * scar
    layers.white += 0.34 * scar
    pepper = board.scatter(rng, 0.12, 1.2)
    strength = board.at(scar, pepper) * (rng.random(len(pepper)) < 0.5)
    specks = board.blobs(pepper, np.full(len(pepper), 0.024), strength, rng)
    layers.deep += 0.5 * board.soften(specks, 0.012)


def _basal_cell(layers: Layers, lesion: Lesion) -> None:
    board, rng = layers.board, stream(lesion.seed, "basal")
    edge, reach = layers.edge(0.8), lesion.diameter_mm / 2
    layers.blood += edge * (0.30 + 0.10 * board.noise(rng, 1.6, 3))
    layers.white += edge * np.clip(0.12 + 0.09 * board.noise(rng, 2.0, 3), 0, 0.4)
    layers.melanin += 0.06 * edge
    nests = board.scatter(rng, 1.15, 1.2)
    chance = rng.random(len(nests))
    keep = (board.at(layers.depth, nests) > 0.3) & (chance < 0.45)
    sizes = (0.16 + 0.34 * rng.random(len(nests)) ** 1.5) * keep
    ovoid = board.soften(board.blobs(nests, sizes, 0.9 * keep, rng, 0.22, 1.5), 0.06)
    layers.deep += ovoid * (0.85 + 0.15 * board.noise(rng, 0.4, 2))
    layers.melanin += 0.30 * ovoid
    globules = board.scatter(rng, 0.42, 1.2)
    chance = rng.random(len(globules))
    keep = (board.at(layers.depth, globules) > 0.2) & (chance < 0.16)
    sizes = (0.04 + 0.05 * rng.random(len(globules))) * keep
    specks = board.soften(board.blobs(globules, sizes, 0.9 * keep, rng), 0.025)
    layers.deep += 0.75 * specks
    layers.melanin += 0.45 * specks
    for number in range(int(rng.integers(3, 6))):
        turn = rng.uniform(0, 2 * np.pi)
        start = (0.95 * reach * np.cos(turn), 0.95 * reach * np.sin(turn))
        inward = turn + np.pi + rng.uniform(-0.7, 0.7)
        tree = vessel_tree(rng, start, inward, 0.11 if number < 2 else 0.075, reach * 0.85)
        near = np.clip(0.25 + 0.75 * smoothstep(layers.depth, -0.5, 0.4), 0, 1)
        strokes = board.strokes(tree)
        layers.blood += near * (0.95 * board.soften(strokes, 0.016))
        layers.venous += near * 0.12 * board.soften(strokes, 0.05)
    if rng.random() < 0.6:
        centre = rng.uniform(-0.35, 0.35, (1, 2)) * reach
        crater = board.blobs(centre, np.array([reach * 0.2]), np.array([1.0]), rng, 0.2, 1.2)
        crater = board.soften(crater, 0.12) + 0.14 * board.noise(rng, 0.5, 2)
        crater = smoothstep(crater, 0.25, 0.75) * edge
        layers.blood += 0.55 * crater
        layers.keratin += 0.50 * crater
        layers.melanin += 0.25 * crater
    _shiny(layers, rng, 7)


def _seborrheic(layers: Layers, lesion: Lesion) -> None:
    board, rng = layers.board, stream(lesion.seed, "seborrheic")
    edge = layers.edge(0.10)
    strength = rng.uniform(0.5, 1.1)
    patches = board.noise(rng, 1.8, 3)
    # Gyri and sulci, deeper where the lesion is thicker, over a granular surface.
    ridges = 1 - np.abs(board.noise(rng, 0.62, 2) + 0.3 * patches)
    depth_of = smoothstep(board.noise(rng, 2.5, 2), -0.9, 0.9)
    fissure = smoothstep(ridges, 0.25, 1.0) * (0.25 + 0.75 * depth_of)
    grain = board.noise(rng, 0.16, 2)
    layers.melanin += (
        np.float32(strength) * edge * (0.45 + 0.16 * patches + 0.50 * fissure + 0.07 * grain)
    )
    layers.keratin += edge * (rng.uniform(0.08, 0.36) + 0.10 * patches)
    layers.white += edge * 0.12 * smoothstep(board.noise(rng, 0.5, 3), 0.2, 1.5)
    # Stuck on: a thin darker rim, as if with a shadow.
    layers.melanin += (
        0.22 * smoothstep(layers.depth, -0.04, 0.03) * (1 - smoothstep(layers.depth, 0.03, 0.22))
    )
    plugs = board.scatter(rng, 0.75, 1.1)
    keep = (board.at(layers.depth, plugs) > 0.25) & (rng.random(len(plugs)) < 0.45)
    sizes = (0.05 + 0.12 * rng.random(len(plugs)) ** 1.5) * keep
    comedo = board.soften(board.blobs(plugs, sizes, 0.95 * keep, rng, 0.14, 1.2), 0.03)
    layers.melanin += 1.0 * comedo
    layers.keratin += 0.5 * comedo
    cysts = board.scatter(rng, 0.85, 1.1)
    keep = (board.at(layers.depth, cysts) > 0.2) & (rng.random(len(cysts)) < 0.5)
    sizes = (0.045 + 0.07 * rng.random(len(cysts))) * keep
    milia = board.blobs(cysts, sizes, 0.9 * keep, rng, 0.06)
    milia = np.minimum(board.soften(milia, 0.03) + 0.45 * board.soften(milia, 0.11), 1)
    layers.melanin *= 1 - 0.6 * milia
    layers.white += 0.62 * milia
    layers.keratin += 0.10 * milia


def _dermatofibroma(layers: Layers, lesion: Lesion) -> None:
    board, rng = layers.board, stream(lesion.seed, "fibroma")
    edge = layers.edge(1.6)
    reach = lesion.diameter_mm / 2
    rough = 0.28 * board.noise(rng, 0.9, 3)
    centre = smoothstep(layers.depth / reach + rough * 0.6, 0.42, 0.72)
    ring = edge * (1 - centre)
    presence = np.clip(ring * (0.75 + 0.3 * board.noise(rng, 1.5, 2)), 0, 1)
    mesh = board.network(board.scatter(rng, 0.27, 0.6), 0.065, rng, presence, 0.2)
    layers.melanin += ring * (0.24 + 0.05 * board.noise(rng, 1.5, 3)) + 0.40 * mesh
    layers.blood += edge * (0.20 + 0.07 * board.noise(rng, 1.4, 3)) + 0.10 * centre
    layers.white += centre * np.clip(0.46 + 0.16 * board.noise(rng, 0.5, 3), 0.1, 0.8)
    # Fibrotic bands make a white network within the patch.
    bands = board.network(board.scatter(rng, 0.36, 0.9), 0.08, rng, centre, 0.5)
    layers.white += 0.22 * bands
    layers.blood += 0.16 * centre * (1 - bands)
    _shiny(layers, rng, 5)


def _vascular(layers: Layers, lesion: Lesion) -> None:
    board, rng = layers.board, stream(lesion.seed, "vascular")
    edge = layers.edge(0.35)
    centres = board.scatter(rng, rng.uniform(0.45, 0.62), 0.85)
    inside = board.at(layers.depth, centres) > 0.12
    strengths = inside * (0.6 + 0.4 * rng.random(len(centres)))
    drawn = board.soften(board.cells(centres, strengths, 0.86, rng), 0.085)
    lacunae = smoothstep(drawn, 0.28, 0.72)
    purple = smoothstep(board.noise(rng, 1.5, 2) + rng.uniform(-0.6, 0.9), -0.2, 0.9)
    layers.blood += edge * 0.80 + lacunae * (0.85 - 0.55 * purple)
    layers.venous += edge * (0.08 + 0.25 * purple) + lacunae * (0.12 + 0.70 * purple)
    layers.white += 0.10 * edge * (1 - lacunae) * np.clip(1 + board.noise(rng, 0.9, 2), 0, 2)
    clot = smoothstep(board.noise(rng, 0.9, 2), 1.0, 1.7) * lacunae
    layers.melanin += 0.9 * clot * rng.choice([0.0, 1.0])
    layers.blood += 0.16 * smoothstep(layers.depth, -0.9, 0.2)


def _actinic(layers: Layers, lesion: Lesion) -> None:
    board, rng = layers.board, stream(lesion.seed, "actinic")
    edge = layers.edge(1.5)
    # "Strawberry": red pseudonetwork between pale, keratin-filled follicles (Zalaudek 2006).
    follicles = board.scatter(rng, 0.66, 1.1)
    chance = rng.random((2, len(follicles)))
    strength = board.at(edge, follicles) * (0.3 + 0.7 * chance[0])
    size = 0.05 + 0.12 * chance[1]
    halo = board.soften(board.blobs(follicles, size * 1.5, strength, rng, 0.25), 0.08)
    plug = board.soften(board.blobs(follicles, size * 0.5, strength, rng, 0.2), 0.03)
    redness = 0.50 + 0.16 * board.noise(rng, 1.5, 3)
    layers.blood += edge * redness * (1 - 0.75 * halo)
    layers.white += 0.26 * halo
    layers.keratin += 0.45 * plug + 0.10 * edge
    layers.melanin += edge * np.clip(0.10 * board.noise(rng, 1.8, 3), 0, 1)
    for _ in range(14):
        start = rng.uniform(-0.4, 0.4, 2) * lesion.diameter_mm
        tree = vessel_tree(rng, (start[0], start[1]), rng.uniform(0, 6.3), 0.03, 0.9, 1)
        layers.blood += 0.40 * edge * board.soften(board.strokes(tree), 0.018)
    # Surface scale: torn, opaque flakes with crisp rims.
    scale = board.noise(rng, 0.8, 4) + 0.5 * board.noise(rng, 2.2)
    flakes = smoothstep(scale, 1.15, 1.35) * smoothstep(layers.depth, 0.1, 0.8)
    layers.white += 0.62 * flakes * np.clip(0.8 + 0.2 * board.noise(rng, 0.2), 0, 1)
    layers.keratin += 0.28 * smoothstep(scale, 0.95, 1.3) * edge


def _dots(
    layers: Layers,
    rng: np.random.Generator,
    spacing: float,
    sizes: tuple[float, float],
    chance: float,
    strength: float,
    where: Array,
) -> None:
    board = layers.board
    centres = board.scatter(rng, spacing, 1.3)
    drawn = rng.random((3, len(centres)))
    weight = board.at(where, centres) * (drawn[0] < chance) * (0.5 + 0.5 * drawn[2])
    radii = sizes[0] + (sizes[1] - sizes[0]) * drawn[1] ** 2
    layers.melanin += np.float32(strength) * board.soften(
        board.blobs(centres, radii, weight, rng, 0.18, 1.2), 0.018
    )


def _streaks(layers: Layers, rng: np.random.Generator, lesion: Lesion, tilt: float) -> None:
    """Radial lines and pseudopods along one part of the border."""
    board = layers.board
    lines, tips, radii = [], [], []
    for turn in tilt + np.linspace(-0.9, 0.9, 20) + rng.normal(0, 0.06, 20):
        ray = np.linspace(0, lesion.diameter_mm, 200)[:, None] * [np.cos(turn), np.sin(turn)]
        border = int(np.argmax(board.at(layers.depth, ray.astype(np.float32)) < 0.12))
        length = rng.gamma(3.0, 0.11)
        bend = turn + rng.normal(0, 0.22) + np.linspace(0, rng.normal(0, 0.3), 12)
        way = np.linspace(-0.5, length, 12)[:, None] * np.stack([np.cos(bend), np.sin(bend)], 1)
        points = (ray[border] + way).astype(np.float32)
        width = rng.uniform(0.08, 0.15)
        lines.append((points, (width * np.linspace(2.0, 0.5, 12)).astype(np.float32)))
        tips.append(points[-1])
        radii.append(width * 0.65 * (rng.random() < 0.35))
    bulbs = board.blobs(np.asarray(tips), np.asarray(radii), np.ones(len(tips)), rng)
    drawn = np.maximum(board.strokes(lines), bulbs)
    room = 1 - 0.6 * np.minimum(layers.melanin, 1)
    layers.melanin += 0.85 * board.soften(drawn, 0.045) * room


def _shiny(layers: Layers, rng: np.random.Generator, count: int) -> None:
    """Short white lines in two directions at right angles, seen in polarised light only."""
    board, lines = layers.board, []
    turn = rng.uniform(0, np.pi)
    for _ in range(count * 2):
        direction = turn + rng.choice([0, np.pi / 2]) + rng.normal(0, 0.12)
        start = rng.uniform(-1.0, 1.0, 2)
        way = np.linspace(0, rng.uniform(0.2, 0.7), 5)[:, None]
        points = start + way * [np.cos(direction), np.sin(direction)]
        lines.append((points.astype(np.float32), np.full(5, rng.uniform(0.02, 0.05), np.float32)))
    layers.white += 0.40 * board.soften(board.strokes(lines), 0.02)


_PATTERNS: dict[Kind, Callable[[Layers, Lesion], None]] = {
    Kind.NEVUS_RETICULAR: _reticular,
    Kind.NEVUS_GLOBULAR: _globular,
    Kind.NEVUS_HOMOGENEOUS: _homogeneous,
    Kind.MELANOMA: _melanoma,
    Kind.BASAL_CELL_CARCINOMA: _basal_cell,
    Kind.SEBORRHEIC_KERATOSIS: _seborrheic,
    Kind.DERMATOFIBROMA: _dermatofibroma,
    Kind.VASCULAR: _vascular,
    Kind.ACTINIC_KERATOSIS: _actinic,
}
