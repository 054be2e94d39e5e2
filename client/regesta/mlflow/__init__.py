"""MLflow's model registry on regesta: `mlflow.set_registry_uri("regesta://host:port/namespace")`.

MLflow finds `store.RegestaStore` by the scheme of the URI, since the distribution names it as
an entry point. Everything here needs the extra `regesta[mlflow]`, but for `naming`, which says
how MLflow's names and ours belong together.
"""
