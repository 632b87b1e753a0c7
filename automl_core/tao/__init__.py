"""NVIDIA TAO: its networks as templates, its settings, its container, its search, its folders.

What stands here reads and writes TAO's words; what they mean is said with the words that every experiment has. Nothing
here imports NVIDIA's package but `package`, and that only where it is installed (the extra ``tao``).
"""
