"""Distillation: what changes when a student learns from a teacher?"""
