"""Studies: many trainings, one table; what is claimed is decided by a rule that was fixed beforehand."""
