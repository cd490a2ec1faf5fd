"""Published tables of the reference equations: every number with the table that prints it, as text, to its last digit.

CO2, N2, CH4 and O2: rows of the papers' tables, checked against their transcription in the tests of pychemqt
(https://github.com/jjgomera/pychemqt, lib/mEoS). H2: the NIST Chemistry WebBook (SRD 69), saturation properties of
hydrogen, https://webbook.nist.gov/cgi/fluid.cgi?Action=Load&ID=C1333740&Type=SatT&PLow=.5&PHigh=1.5&PInc=.1&PUnit=atm
and ...&Type=SatP&TLow=26&THigh=59&TInc=1&PUnit=MPa, which evaluates Leachman's equation.
"""

from dataclasses import dataclass

MOLAR_MASS = {"CO2": 44.0098, "N2": 28.01348, "CH4": 16.0428, "O2": 31.9988, "H2": 2.01588}  # g/mol, the papers' own


@dataclass(frozen=True)
class Row:
    """A state: K, MPa (or atm) and kg/m³ (or mol/dm³) as printed; ``""`` where nothing is."""

    gas: str
    temperature: float
    pressure: str
    density: str
    pressure_unit: float = 1e6
    molar: bool = False

    @property
    def pressure_pa(self) -> tuple[float, float]:
        """Pressure and one unit of its last digit, Pa."""
        return float(self.pressure) * self.pressure_unit, _last_digit(self.pressure) * self.pressure_unit

    @property
    def molar_density(self) -> tuple[float, float]:
        """Density and one unit of its last digit, mol/m³."""
        factor = 1e3 if self.molar else 1e3 / MOLAR_MASS[self.gas]
        return float(self.density) * factor, _last_digit(self.density) * factor


def _last_digit(printed: str) -> float:
    return 10.0 ** -len(printed.partition(".")[2])


# Saturated vapour. (Rows of hydrogen at round pressures know their temperature to 1 mK: 2e-4 of the pressure.)
SATURATED = [
    # Span & Wagner 1996, doi:10.1063/1.555991, Table 34, p. 1560
    Row("CO2", 216.592, "0.51796", "13.761"), Row("CO2", 240.0, "1.2825", "33.295"),
    Row("CO2", 260.0, "2.4188", "64.417"), Row("CO2", 280.0, "4.1607", "121.74"), Row("CO2", 300.0, "6.7131", "268.58"),
    # Span et al. 2000, doi:10.1063/1.1349047, p. 1403; 77.355 K: its boiling point
    Row("N2", 63.151, "0.01252", "0.02407", molar=True), Row("N2", 77.355, "0.101325", "0.16464", molar=True),
    Row("N2", 80.0, "0.13687", "0.21737", molar=True), Row("N2", 100.0, "0.77827", "1.1409", molar=True),
    Row("N2", 120.0, "2.51058", "4.4653", molar=True),
    # Setzmann & Wagner 1991, doi:10.1063/1.555898, Table 39, p. 1117
    Row("CH4", 90.694, "0.011696", "0.25074"), Row("CH4", 100.0, "0.034376", "0.67457"),
    Row("CH4", 110.0, "0.088130", "1.5982"), Row("CH4", 120.0, "0.19143", "3.2619"),
    Row("CH4", 160.0, "1.5921", "25.382"),
    # Stewart, Jacobsen & Wagner 1991, doi:10.1063/1.555897, Table 10, p. 949, by the equation of Schmidt & Wagner 1985
    Row("O2", 54.361, "0.000146", "0.0003237", molar=True), Row("O2", 80.0, "0.03012", "0.045891", molar=True),
    Row("O2", 100.0, "0.2540", "0.32579", molar=True), Row("O2", 120.0, "1.0223", "1.2284", molar=True),
    Row("O2", 140.0, "2.7878", "3.6487", molar=True),
    # NIST Chemistry WebBook
    Row("H2", 18.232, "0.50000", "0.71655", 101325.0), Row("H2", 18.755, "0.60000", "0.84280", 101325.0),
    Row("H2", 20.369, "1.0000", "", 101325.0), Row("H2", 26.0, "0.39398", ""), Row("H2", 30.0, "0.80432", ""),
    Row("H2", 32.0, "1.0957", ""),
]
# Gas.
SINGLE = [
    # Span & Wagner 1996, Table 35, p. 1562
    Row("CO2", 240.0, "0.05", "1.1084"), Row("CO2", 280.0, "0.5", "9.7568"), Row("CO2", 290.0, "5.0", "148.41"),
    Row("CO2", 480.0, "10.0", "119.65"),
    # Span et al. 2000, p. 1410
    Row("N2", 80.0, "0.1", "0.15633", molar=True), Row("N2", 350.0, "20.0", "6.3552", molar=True),
    Row("N2", 1000.0, "2.0", "0.23889", molar=True),
    # Setzmann & Wagner 1991, Table 40, p. 1119
    Row("CH4", 115.0, "0.1", "1.7341"), Row("CH4", 150.0, "1.0", "15.536"), Row("CH4", 200.0, "5.0", "87.764"),
    Row("CH4", 600.0, "50.0", "134.47"),
    # NIST Chemistry WebBook, oxygen at 0.02 MPa: ...&ID=C7782447&Type=IsoBar&P=0.02&TLow=54.361&THigh=288&TInc=5
    Row("O2", 79.361, "0.02", "0.97838"), Row("O2", 99.361, "0.02", "0.77832"),
]
