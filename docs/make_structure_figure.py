"""The picture of docs/structure.md: the ZIF-62 crystal beside the shipped glasses.

    python docs/make_structure_figure.py        (needs zifsim[analysis])
"""

from pathlib import Path

from make_figures import small_png

from zifsim.analysis.frames import load_frames
from zifsim.analysis.summary import AnalysisSettings, analyse
from zifsim.io.files import write_bytes_atomic
from zifsim.io.resources import data_folder
from zifsim.report.chart import Chart, chart_figure
from zifsim.report.structure import structure_charts

PANELS = (("pair_distributions", "Zn–Zn g(r)"), ("angles", "metal–linker–metal"), ("structure_factors", "X-ray S(Q)"),
          ("total_correlations", "X-ray D(r)"), ("total_correlations", "neutron D(r)"), ("rings", "rings of the net"))


def main() -> Path:
    """Analyse, draw, write ``docs/structure.png``."""
    glasses = sorted((data_folder("structures") / "glasses").glob("agZIF-62-?-dense-1.cif"))
    settings = AnalysisSettings(rings=True)
    analyses = [analyse(load_frames("ZIF-62", name="ZIF-62 crystal"), settings)]
    analyses += [analyse(load_frames(path, name=path.stem), settings) for path in glasses]
    found = {(chart.name, panel.title): panel for chart in structure_charts(analyses) for panel in chart.panels}
    target = Path(__file__).parent / "structure.png"
    write_bytes_atomic(target, small_png(chart_figure(Chart("structure", tuple(found[key] for key in PANELS)))))
    return target


if __name__ == "__main__":
    print(main())
