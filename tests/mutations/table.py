"""Errors that were put into the code on purpose, each with the tests that must notice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutation:
    """``old`` (once in ``file`` of the package) becomes ``new``; ``tests`` are given to pytest.

    ``plain``: kernels run as plain Python, since a changed kernel would take minutes to compile.
    """

    name: str
    file: str
    old: str
    new: str
    tests: str
    plain: bool = False


M = Mutation
MUTATIONS: tuple[Mutation, ...] = (
    # those that once survived
    M("the barostat's pressure times ten", "melt/context.py", "segment.pressure_bar, segment.from_k",
      "10.0 * segment.pressure_bar, segment.from_k", "melt/test_melt_box.py"),
    M("the barostat scales atoms of molecules", "melt/context.py",
      "setScaleMoleculesAsRigid(model.forcefield.dissociable)", "setScaleMoleculesAsRigid(False)",
      "melt/test_melt_box.py"),
    M("the cell's rotation is not undone", "melt/box.py", "np.linalg.solve(self.shear, vectors) @ self.rotation.T",
      "np.linalg.solve(self.shear, vectors)", "melt/test_melt_box.py"),
    M("a worker believes its inputs", "campaign/stagefolder.py",
      "if not path.is_file() or sha256_file(path) != claim.inputs_sha256.get(name):", "if not path.is_file():",
      "campaign/test_campaign_stagefolder.py"),
    # melt
    M("the bath lags behind a ramp twice as far", "melt/program.py", "program.temperature_at(step) + ahead",
      "program.temperature_at(step) - ahead", "melt/test_melt_temperature.py"),
    M("constraints count as degrees of freedom", "melt/context.py",
      "3 * sum(mass > 0.0 for mass in masses) - int(system.getNumConstraints())",
      "3 * sum(mass > 0.0 for mass in masses)", "melt/test_melt_temperature.py"),
    M("the shear of a cell is forgotten", "melt/box.py", "shear[row] -= times * shear[by]",
      "shear[row] += times * shear[by]", "melt/test_melt_box.py"),
    M("fused zincs are looked for too close", "melt/observe.py", "if closest < MIN_ZN_ZN:",
      "if closest < 0.5 * MIN_ZN_ZN:", "melt/test_melt_run.py::test_fused_zincs_and_broken_linkers_stop_a_run"),
    M("a segment lasts a step too long", "model/schedule.py", "if done < steps:", "if done <= steps:",
      "melt/test_melt_program.py"),
    # gcmc
    M("Peng-Robinson's acentric slope has a wrong sign", "gcmc/eos.py", "- 0.26992 * w * w", "+ 0.26992 * w * w",
      "gcmc/test_eos.py"),
    M("a gas is as dense as an ideal one", "gcmc/eos.py",
      "pressure_pa / (compressibility * GAS_CONSTANT * temperature_k)",
      "pressure_pa / (GAS_CONSTANT * temperature_k)", "gcmc/test_eos.py"),
    M("the self term of Ewald lacks its root", "gcmc/ewald.py", "alpha / math.sqrt(math.pi) * float",
      "alpha / math.pi * float", "gcmc/test_ewald.py", plain=True),
    M("a molecule keeps its own pairs in the Fourier sum", "gcmc/ewald.py",
      "total -= COULOMB_K_ANGSTROM * charges[a]", "total += COULOMB_K_ANGSTROM * charges[a]",
      "gcmc/test_ewald.py", plain=True),
    M("the Henry error lacks the root of the blocks", "gcmc/widom.py",
      "blocks[:, 0].std(ddof=1) / math.sqrt(n) * per_pa", "blocks[:, 0].std(ddof=1) * per_pa",
      "gcmc/test_widom.py -k independent_runs"),
    M("the heat lacks RT", "gcmc/widom.py", "heat = rt - mean[1]", "heat = -mean[1]",
      "gcmc/test_widom.py -k independent_runs"),
    M("an insertion is accepted by N, not N + 1", "gcmc/moves.py", "(walker.number[component] + 1))",
      "max(1, walker.number[component]))", "gcmc/test_moves.py -k 'twin and methane-biased'", plain=True),
    M("a deletion forgets its energy", "gcmc/moves.py",
      "walker.number[component]) + log_mean\n", "walker.number[component])\n",
      "gcmc/test_moves.py -k 'twin and methane-biased'", plain=True),
    M("runs with other trials are thrown together", "gcmc/macrostates.py", "(weight * mean_down).sum(axis=0)",
      "(n_down * mean_down).sum(axis=0)", "gcmc/test_macrostates.py gcmc/test_flat_histogram.py -k 'trials'"),
    M("blocks of one run count as independent", "gcmc/macrostates.py", "* g / (1.0 - fraction)", "/ (1.0 - fraction)",
      "gcmc/test_macrostates.py -k correlated"),
    M("numbers that were never seen are no error", "gcmc/macrostates.py", "self._unseen(low, p)", "0.0",
      "gcmc/test_macrostates.py -k not_seen"),
    M("all streams of a walker are one", "gcmc/random.py", "s.generate_state(2, np.uint64) for s in sequences",
      "sequences[0].generate_state(2, np.uint64) for s in sequences", "gcmc/test_random.py", plain=True),
    M("effective samples count the error once", "gcmc/statistics.py", "min(spread / error**2,", "min(spread / error,",
      "gcmc/test_statistics.py -k 'effective or covers'"),
    M("a gas of a mixture has the whole pressure", "gcmc/iast.py",
      "else composition[i.gas] * pressure_pa for i in present",
      "else pressure_pa for i in present", "gcmc/test_iast.py"),
    # what is common to all
    M("streams of other names are the same", "rng.py", "SeedSequence([seed, *words])", "SeedSequence([seed])",
      "test_rng.py"),
    M("STP is 1 bar", "units.py", "GAS_CONSTANT * 273.15 / ATM_PA * 1e6", "GAS_CONSTANT * 273.15 / 1e5 * 1e6",
      "test_units.py"),
    M("errors of models are averaged like values", "averages.py", "for m in models)) / n,", "for m in models) / n),",
      "compare/test_averages.py"),
    M("masses must add up to one", "averages.py", "for mass, part in parts) / total,\n        sampling_error",
      "for mass, part in parts),\n        sampling_error", "compare/test_averages.py"),
    # access
    M("a diameter is a radius", "access/filling.py", "radius = 0.5e-6 * size_um\n    return FILLED_FOURIER",
      "radius = 1e-6 * size_um\n    return FILLED_FOURIER", "access/test_access_filling.py"),
    M("an early sphere fills too fast", "access/filling.py", "- 3.0 * fourier", "+ 3.0 * fourier",
      "access/test_access_filling.py"),
    M("pockets that never exchange take part", "access/filling.py", "return hopping.exchange_s <= seconds",
      "return hopping.exchange_s >= seconds", "access/test_access_filling.py access/test_access_network.py"),
    # analysis
    M("D is the slope over 2", "analysis/displacement.py", "(centred @ centred) / 6.0", "(centred @ centred) / 2.0",
      "analysis/test_analysis_dynamics.py"),
    M("the BET line forgets its intercept", "analysis/bet.py", "1.0 / (slope + intercept)", "1.0 / slope",
      "analysis/test_analysis_bet.py"),
    M("coordination counts the nitrogens, not the metals", "analysis/coordination.py", "_shares(on_atom[metals], MOST)",
      "_shares(on_atom[nitrogens], MOST)", "analysis/test_analysis_structure.py"),
    M("any break is a glass transition", "analysis/thermal.py", "> SIGNIFICANT * self.slope_change_error",
      "> 0.0 * self.slope_change_error", "analysis/test_analysis_dynamics.py"),
    # crystals
    M("arrangements hold one linker too few", "crystals/ordering.py", "left < len(mixed) - len(chosen)",
      "left <= len(mixed) - len(chosen)", "crystals/test_crystals_ordering.py"),
    M("clashing linkers stand side by side", "crystals/ordering.py",
      "return any((other, own) in crystal.clashes for other in others)", "return False",
      "crystals/test_crystals_ordering.py"),
    # runs, campaign, compare, sweep
    M("an edited result is believed", "runs/folder.py", "or sha256_file(folder / name) != sha256:", "or False:",
      "runs/test_runs_folder.py"),
    M("a changed plan is believed", "campaign/stagefolder.py", "genuine = claim.key == values[\"key\"] and ",
      "genuine = ", "campaign/test_campaign_stagefolder.py"),
    M("pores of another framework are closed", "campaign/blocked.py",
      "if first.geometry_sha256 != framework.geometry_hash():", "if False:", "cli/test_cli_blocked.py"),
    M("scores may cancel", "compare/scores.py", "abs(ours - measured) for ours", "ours - measured for ours",
      "compare/test_comparison.py compare/test_tables.py"),
    M("the first temperature is as good as the nearest", "compare/uptakes.py", "sorted(results.isotherms, key=away)",
      "sorted(results.isotherms, key=away, reverse=True)", "compare/test_comparison.py"),
    M("a trend has two degrees of freedom more", "sweep/trend.py", "(len(y) - 2)) ** 0.5", "len(y)) ** 0.5",
      "sweep/test_sweep_collect.py"),
    M("one rate of a sweep is as good as another", "sweep/axes.py", "{\"quench_rate_k_per_ps\": rate_k_per_ps,",
      "{\"quench_rate_k_per_ps\": self.axes.quench_rate_k_per_ps[0],", "sweep/test_sweep_plan.py"),
    # io
    M("charges of a file are dropped", "io/xyz.py",
      "return None if found is None else np.asarray(found, dtype=np.float64)",
      "return None", "crystals/test_crystals_files.py gcmc/test_parameters.py"),
    M("wt % is per gram", "units.py", "\"wt_percent\": molar_mass_g_mol * 0.1", "\"wt_percent\": molar_mass_g_mol",
      "test_units.py"),
)
