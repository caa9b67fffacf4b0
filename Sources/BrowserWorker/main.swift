import WorkerCore
