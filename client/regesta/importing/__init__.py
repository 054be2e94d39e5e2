"""Importers: the history of another registry, told to this one once and without loss.

A run goes one way: a *reader* yields records of the source in the order in which they happened,
a *plan* compares each with what is here and gives steps and findings, and an *applier* takes the
steps through the client. Readers and the applier touch the world; plans do not.

- `records`: what an MLflow registry holds, one record a model, a version, an alias;
- `mlflow_database`, `mlflow_server`: readers of such a registry, `mlflow_tables` its queries;
- `log_records`, `huggingface`: readers of another regesta's log, of repositories on disk;
- `steps`: steps, findings, request ids;
- `touched`: who set each field of a resource last, and what an import set it to;
- `merging`: what to do about a field that differs;
- `mlflow_places`, `mlflow_contents`, `mlflow_plans`, `mlflow_aliases`: plans for MLflow;
- `log_plans`, `log_calls`, `huggingface_plans`: plans for the others;
- `applying`: steps through the client, or only counted;
- `mlflow`, `logs`, `repositories`: a whole run;
- `reports`: what was done and what could not be.

A step's request id is made of its source, what it does, its content, and the revision that it was
planned for. So whatever is planned twice is done once, also after a crash, and a value that comes
back later is not mistaken for what was done before.
"""
