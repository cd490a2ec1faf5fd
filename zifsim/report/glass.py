"""Glasses in the report: how they were made, and what is expected of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zifsim.compare.reference import Range, Reference
from zifsim.compare.results import GlassModel, StudyResults
from zifsim.melt.result import verdict

PS_PER_SECOND = 1e12
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
Values = Mapping[str, Any]  # the content of melt.json, see zifsim.melt.result.MeltResult
# Said wherever the force field is named.
OWN_REFITS = {"nb-ZIF-FF-s": "a refit of this project, not a published force field"}


@dataclass(frozen=True, slots=True)
class GlassLine:
    """One quantity: its value in every glass, as text, and what is expected of it."""

    label: str
    values: tuple[str, ...]
    expected: str


@dataclass(frozen=True, slots=True)
class GlassSummary:
    """All glasses of a study side by side, and two sentences about all of them."""

    names: tuple[str, ...]
    lines: tuple[GlassLine, ...]
    bonds: str
    rates: str


def glass_summary(results: StudyResults, reference: Reference) -> GlassSummary | None:
    """The glasses of a study, or None where it made none."""
    glasses = results.glasses
    if not glasses:
        return None
    return GlassSummary(
        names=tuple(glass_name(glass) for glass in glasses),
        lines=(*_lines([glass.values for glass in glasses], reference.glass), _rate_line(glasses)),
        bonds=_bonds(glasses),
        rates=_rates(glasses, reference.glass["laboratory_quench_rate_k_per_s"]),
    )


def glass_name(glass: GlassModel) -> str:
    """Material and configuration of a glass, or the name of its stage."""
    named = [str(glass.values[key]) for key in ("material", "configuration") if key in glass.values]
    return " ".join(named) or glass.stage


def _lines(glasses: list[Values], expected: Mapping[str, Range]) -> tuple[GlassLine, ...]:
    """A line per quantity that at least one melt.json holds."""
    table: list[tuple[str, Callable[[Values], str], str]] = [
        ("bulk density, g/cm³", _density, _range_text(expected["bulk_density_g_cm3"])),
        ("Zn by number of N, %", _coordination, "four: " + _range_text(expected["four_coordinated_percent"])),
        ("mean Zn–N coordination", lambda v: f"{v['mean_coordination']:.2f}", ""),
        ("mean Zn–N, Å", lambda v: f"{v['mean_zn_n_angstrom']:.3f}", _range_text(expected["zn_n_angstrom"])),
        ("shortest Zn–Zn, Å", lambda v: f"{v['min_zn_zn_angstrom']:.2f}", "above 4: no fused pair"),
        (
            "Zn–N bonds of the crystal left, %",
            lambda v: f"{100.0 * v['bonds_kept']:.0f}",
            "below 10: crystal forgotten",
        ),
        ("melted", lambda v: verdict(v["bonds_kept"], v["can_break"]).replace("melted", "yes", 1).replace(
            "not yes", "no"), "at most half of the crystal's Zn–N bonds left"),
        ("new Zn–N bonds, %", lambda v: f"{100.0 * v['bonds_new']:.0f}", ""),
        ("Zn–N bonds can break", lambda v: "yes" if v["can_break"] else "no", ""),
        ("force field", lambda v: str(v["forcefield"]), ""),
        ("temperature program", lambda v: str(v["program"]), ""),
        ("length of the run, ps", lambda v: f"{v['duration_ps']:g}", ""),
        ("temperature at the end, K", lambda v: f"{v['temperature_k']:.0f}", ""),
        ("seed", lambda v: str(v["seed"]), ""),
        ("speed, ns/day", _speed, ""),
    ]
    lines = [
        GlassLine(label, tuple(_value(values, show) for values in glasses), note)
        for label, show, note in table
    ]
    return tuple(line for line in lines if set(line.values) != {"–"})


def _rate_line(glasses: tuple[GlassModel, ...]) -> GlassLine:
    rates = (glass.quench_rate_k_per_ps for glass in glasses)
    return GlassLine("quench rate, K/ps", tuple("–" if rate is None else f"{rate:g}" for rate in rates), "")


def _value(values: Values, show: Callable[[Values], str]) -> str:
    try:
        return show(values)
    except KeyError:  # not recorded by this melt
        return "–"


def _density(values: Values) -> str:
    text = f"{values['density_g_cm3']:.3f}"
    if "density_error_g_cm3" in values:
        text += f" ± {values['density_error_g_cm3']:.3f}"
    return text if values.get("density_settled", True) else f"{text}, not settled"


def _speed(values: Values) -> str:
    """Speed and platform; the platform's note says in brackets what the doctor says too."""
    return f"{values['ns_per_day']:.3g} ({str(values['platform']).partition(' (')[0]})"


def _coordination(values: Values) -> str:
    shares = sorted(values["coordination"].items(), key=lambda item: int(item[0]))
    return ", ".join(f"{number}: {100.0 * share:.0f}" for number, share in shares if share > 0.0)


def _bonds(glasses: tuple[GlassModel, ...]) -> str:
    return bonds_sentence(
        {str(g.values["forcefield"]): bool(g.values["can_break"]) for g in glasses if "can_break" in g.values}
    )


def bonds_sentence(can_break: Mapping[str, bool]) -> str:
    """Whether Zn–N bonds could break, by the name of the force field."""
    named = {name: f"{name} ({OWN_REFITS[name]})" if name in OWN_REFITS else name for name in can_break}
    sentences = [
        f"With {named[name]}, Zn–N bonds can break and re-form: coordination and rings are results."
        if free
        else f"With {named[name]}, Zn–N bonds are fixed: the network cannot melt; coordination and rings are inputs."
        for name, free in can_break.items()
    ]
    return " ".join(sentences) or "Whether Zn–N bonds could break was not recorded."


def _rates(glasses: tuple[GlassModel, ...], laboratory: Range) -> str:
    rates = sorted({g.quench_rate_k_per_ps for g in glasses if g.quench_rate_k_per_ps is not None})
    return laboratory_sentence(rates, laboratory)


def laboratory_sentence(rates: Sequence[float], laboratory: Range) -> str:
    """Simulated quench rates, K/ps, slowest first, beside the laboratory's."""
    if not rates:
        return "The quench rate was not recorded."
    low, high = laboratory.low, laboratory.high
    simulated = " and ".join(f"{rate:g} K/ps ({_powers_of_ten(rate * PS_PER_SECOND)} K/s)" for rate in rates)
    orders = math.floor(math.log10(rates[0] * PS_PER_SECOND / high))
    return (
        f"Quenched at {simulated}. A laboratory quench runs at {low:g} to {high:g} K/s: "
        f"at least {orders} orders of magnitude slower."
    )


def _powers_of_ten(value: float) -> str:
    mantissa, exponent = f"{value:.1e}".split("e")
    power = "10" + str(int(exponent)).translate(SUPERSCRIPTS)
    return power if mantissa == "1.0" else f"{mantissa.removesuffix('.0')} × {power}"


def _range_text(expected: Range) -> str:
    return f"{expected.low:g}–{expected.high:g} ({expected.basis})"
