"""Makes the documentation site's sources: pages of this repository, and pages made from the code itself."""
