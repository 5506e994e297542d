"""Workflow code: deterministic. Imports temporalio, perdure.contract and perdure.expressions, nothing else."""
