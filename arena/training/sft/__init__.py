"""Teaching by example: a policy is taught a teacher's decisions, on states where mistakes were made."""
