"""Instrumentation that runs inside other projects."""
