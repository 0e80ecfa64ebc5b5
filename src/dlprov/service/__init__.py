"""The service: questions and DfAnalyzer's messages over HTTP, beside the store that it serves."""
