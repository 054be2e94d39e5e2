"""The model of the demo: a voice detector, two releases of it, and what they hear.

The files are those that the package silero-vad ships. They are read and run by onnx's
reference evaluator; the package itself is not imported, as it needs a deep-learning
framework. What they listen to is synthetic, so the figures are real but small: they
say that the file works, not how good it is on people.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Sound = NDArray[np.float32]

RATE = 16_000  # samples a second

#: A frame of 32 ms, and what the model wants to hear again of the frame before.
_FRAME = 512
_CONTEXT = 64
_STATE = (2, 1, 128)

#: Above this probability a frame counts as speech.
_THRESHOLD = 0.5

#: Formants in Hz of the vowels a, i, u and e, after Peterson and Barney (1952).
_VOWELS = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480))
_FORMANT_WIDTH = 80.0
_PITCHES = (120.0, 200.0)
_SYLLABLES_PER_SECOND = 4.0


class NoModelFile(Exception):
    """The package that brings the model is not installed."""


def model_file(name: str) -> Path:
    """Return a model file of the package silero-vad, without importing it.

    Raises:
        NoModelFile: The package is missing, or has no such file.
    """
    found = importlib.util.find_spec("silero_vad")
    for place in (found.submodule_search_locations or ()) if found else ():
        path = Path(place) / "data" / name
        if path.is_file():
            return path
    raise NoModelFile(f"there is no {name}; `make setup` installs silero-vad, which brings it")


def evaluate(file: Path) -> dict[str, float]:
    """Let a model listen, and return the share of frames that it takes for speech.

    Returns:
        `vowels_heard`, of frames with synthetic vowels (1 is best), and `false_alarms`,
        of frames with silence, a tone and noise (0 is best).
    """
    model = onnx.load(str(file), load_external_data=False)
    evaluator = ReferenceEvaluator(model)
    inputs = {value.name for value in model.graph.input}
    return {
        "vowels_heard": _share(evaluator, inputs, [_vowels(pitch) for pitch in _PITCHES]),
        "false_alarms": _share(evaluator, inputs, _other_sounds()),
    }


def _share(evaluator: ReferenceEvaluator, inputs: set[str], sounds: list[Sound]) -> float:
    heard = [_listen(evaluator, inputs, sound) >= _THRESHOLD for sound in sounds]
    return round(float(np.concatenate(heard).mean()), 3)


def _listen(evaluator: ReferenceEvaluator, inputs: set[str], sound: Sound) -> NDArray[np.float32]:
    """Return the probability of speech in each frame."""
    state = np.zeros(_STATE, np.float32)
    context = np.zeros(_CONTEXT, np.float32)
    heard = []
    for start in range(0, len(sound), _FRAME):
        frame = np.concatenate([context, sound[start : start + _FRAME]])
        feeds = {"input": frame[None], "state": state, "sr": np.array(RATE, np.int64)}
        output = evaluator.run(None, {name: feeds[name] for name in feeds if name in inputs})
        probability, state = (np.asarray(tensor) for tensor in output)
        heard.append(probability[0, 0])
        context = frame[-_CONTEXT:]
    return np.array(heard)


def _vowels(pitch: float, frames: int = 60) -> Sound:
    """Return a voice of harmonics that sings vowels, four syllables a second."""
    time = np.arange(frames * _FRAME) / RATE
    phase = 2 * np.pi * pitch * (time + 0.01 * np.sin(2 * np.pi * 3 * time))
    syllable = time * _SYLLABLES_PER_SECOND
    formants = np.array(_VOWELS)[syllable.astype(int) % len(_VOWELS)]
    voice = np.zeros_like(time)
    for harmonic in range(1, int(3_800 / pitch)):
        distance = (harmonic * pitch - formants) / _FORMANT_WIDTH
        gain = (1 / (1 + distance**2)).sum(axis=1) / harmonic**0.5
        voice += gain * np.sin(harmonic * phase)
    voice *= np.sqrt(np.sin(np.pi * (syllable % 1)))
    scaled: Sound = (0.3 * voice / np.abs(voice).max()).astype(np.float32)
    return scaled


def _other_sounds(frames: int = 30) -> list[Sound]:
    length = frames * _FRAME
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(length) / RATE)
    noise = 0.1 * np.random.default_rng(seed=1).standard_normal(length)
    return [np.zeros(length, np.float32), tone.astype(np.float32), noise.astype(np.float32)]
