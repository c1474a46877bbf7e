"""Speech encoders as Hugging Face models: the log-mel front end, loading, batches and windows."""

WINDOW_SAMPLES = 400  # 25 ms at 16 kHz: what the first frame of either front end is computed from
