"""What an engine says of one run, for records that no engine made."""

INFO = {
    "status": "done",
    "train_accuracy": 0.75,
    "test_accuracy": 0.5,
    "steps": 12,
    "seconds": 1.5,
    "engine": "tensorflow",
    "device": "CPU",
    "precision": "float32",
    "host": "here",
    "processor": "Made up 1 (avx2)",
    "versions": {"numpy": "2"},
}
