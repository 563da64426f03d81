"""`python -m distributor.locale` puts the catalogues in order after entries were added. Touches nothing else."""

from __future__ import annotations

from distributor.locale.catalogues import arrange

if __name__ == "__main__":
    arrange()
